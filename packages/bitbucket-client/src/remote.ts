import { SaddleError, type GitRemote, type HttpClient } from '@saddle/transport'
import { segment } from './path.ts'
import type { Repository } from './types.ts'

/**
 * Where git reaches a repository. The server's clone link is a hint only: servers reached by another name than they
 * know themselves by send links of that other name, so such a link is used when it lies below the base URL, and the
 * address is put together from the base URL when the link's host is the same or is allowed.
 *
 * @throws SaddleError `ADDRESS_NOT_ALLOWED` for a link to any other host: the credentials must not follow it
 */
export function gitRemoteOf(
  repository: Pick<Repository, 'projectKey' | 'slug' | 'cloneUrl'>,
  http: HttpClient,
  allowedHosts: readonly string[],
): GitRemote {
  const { projectKey, slug, cloneUrl } = repository
  const base = http.baseUrl
  const scm = http.resolve(`scm/${segment(projectKey.toLowerCase(), 'projectKey')}/${segment(slug, 'slug')}.git`)
  if (cloneUrl === undefined || !URL.canParse(cloneUrl)) return { url: scm.href, http }
  const link = new URL(cloneUrl)
  if (link.origin === base.origin && link.pathname.startsWith(base.pathname.replace(/\/?$/, '/'))) return { url: link.href, http }
  if (link.hostname === base.hostname || allowedHosts.includes(link.host)) return { url: scm.href, http }
  throw new SaddleError(
    'ADDRESS_NOT_ALLOWED',
    `The clone link of ${projectKey}/${slug} leads to ${link.host}, and the credentials are for ${base.host}; nothing was ` +
      `sent there. If both names are the same server, name both in \`allowedHosts\`.`,
    { context: { host: link.host, source: `${projectKey}/${slug}`, option: 'allowedHosts' }, redactor: http.redactor },
  )
}
