/** What an `Authorization` header carries. */
export type Credentials =
  | { readonly scheme: 'none' }
  | { readonly scheme: 'basic'; readonly user: string; readonly password: string }
  | { readonly scheme: 'bearer'; readonly token: string }

/** Reads an `Authorization` header; GitHub's `token x` counts as bearer. */
export function parseCredentials(header: string | undefined): Credentials {
  const [, scheme = '', value = ''] = /^(\S+)\s+(.*)$/.exec(header ?? '') ?? []
  switch (scheme.toLowerCase()) {
    case 'basic': {
      const text = Buffer.from(value, 'base64').toString()
      const colon = text.indexOf(':')
      return { scheme: 'basic', user: text.slice(0, colon), password: text.slice(colon + 1) }
    }
    case 'bearer':
    case 'token':
      return { scheme: 'bearer', token: value.trim() }
    default:
      return { scheme: 'none' }
  }
}
