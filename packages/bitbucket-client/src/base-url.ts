import { SaddleError } from '@saddle/transport'

/** Paths of pages that people copy from the browser; a context path is never named like these. */
const pages = /^(.*?)\/(?:projects|users|repos|scm|rest|dashboard|login|profile|account|admin|plugins)(?:\/|$)/

/**
 * The base URL as it was given, unless it is the address of a page below it.
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
  const page = pages.exec(url.pathname)
  if (!page) return baseUrl
  throw new SaddleError(
    'INVALID_INPUT',
    `The Bitbucket base URL is the address of a page (${url.pathname}). Give the server's own address: ${url.origin}${page[1] ?? ''}.`,
    { context: { option: 'baseUrl' } },
  )
}
