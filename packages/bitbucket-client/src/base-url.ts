import { SaddleError } from '@saddle/transport'

/** Paths of pages that people copy from the browser; a context path is never named like these. */
const pages = /^(.*?)\/(?:projects|users|repos|scm|rest|dashboard|login|profile|account|admin|plugins)(?:\/|$)/

/** Hosts that are no Bitbucket Data Center, whatever the path. */
const others: Record<string, string> = {
  'bitbucket.org': 'Bitbucket Cloud, which has another API',
  'api.bitbucket.org': 'Bitbucket Cloud, which has another API',
  'github.com': 'GitHub, which is the target',
  'api.github.com': 'GitHub, which is the target',
}

/**
 * The base URL as it was given, unless it is the address of a page below it, or of another product.
 *
 * @throws SaddleError `INVALID_INPUT` with the address that was probably meant
 */
export function checkedBaseUrl(baseUrl: string | URL): string | URL {
  const text = String(baseUrl).trim()
  // A host alone is the usual slip.
  if (/^[\w.-]+(:\d+)?(\/\S*)?$/.test(text)) {
    throw new SaddleError('INVALID_INPUT', `The Bitbucket base URL lacks its scheme. Write https://${text}.`, { context: { option: 'baseUrl' } })
  }
  // What is no address at all is described by the transport.
  if (!URL.canParse(text)) return baseUrl
  const url = new URL(text)
  const other = url.pathname.replace(/\/$/, '').endsWith('/api/v3') ? others['github.com'] : others[url.hostname]
  if (other) {
    throw new SaddleError('INVALID_INPUT', `The Bitbucket base URL is the address of ${other}. Give that of the Bitbucket Data Center server, like https://bitbucket.example.com.`, {
      context: { option: 'baseUrl' },
    })
  }
  const page = pages.exec(url.pathname)
  if (!page) return baseUrl
  throw new SaddleError(
    'INVALID_INPUT',
    `The Bitbucket base URL is the address of a page (${url.pathname}). Give the server's own address: ${url.origin}${page[1] ?? ''}.`,
    { context: { option: 'baseUrl' } },
  )
}
