import type { Exchange } from '../http/listener.ts'
import { sendText } from '../http/send-json.ts'
import { serveLfsApi, type LfsAction } from '../lfs/batch.ts'
import type { LfsLinks } from '../lfs/links.ts'
import { LfsStore, type LfsObject } from '../lfs/store.ts'
import { serveLink } from '../lfs/transfer.ts'
import type { Repository } from './model.ts'

const storagePrefix = '/lfs-storage/'

/**
 * Git LFS as GitHub serves it: content at another host, by links that carry their own signature. Like the object storage
 * behind GitHub, that host refuses a request with an `Authorization` header, and an upload without the signed headers.
 */
export class GitHubLfs {
  readonly #links: LfsLinks

  constructor(links: LfsLinks) {
    this.#links = links
  }

  /** Answers what follows `info/lfs/` of a repository. */
  async serveApi({ request, response }: Exchange, endpoint: string, repository: Repository, mayWrite: boolean): Promise<void> {
    const store = new LfsStore(repository.path)
    const action = (operation: 'download' | 'upload' | 'verify', object: LfsObject, header?: Record<string, string>): LfsAction => {
      const { secret, expires } = this.#links.create({ operation, store, object })
      const href = `${this.#links.storageUrl}${storagePrefix}${object.oid}?X-Amz-Signature=${secret}`
      return { href, ...(header ? { header } : {}), expires_at: expires.toISOString().replace(/\.\d+Z$/, 'Z') }
    }
    await serveLfsApi(request, response, endpoint, {
      store,
      mayWrite,
      actions: (operation, object) => operation === 'download'
        ? { download: action('download', object) }
        : { upload: action('upload', object, { 'x-amz-content-sha256': object.oid }), verify: action('verify', object, { Accept: 'application/vnd.git-lfs+json' }) },
    })
  }

  /** Answers requests for content; false for other paths. */
  async serveStorage({ request, response, url }: Exchange): Promise<boolean> {
    if (!url.pathname.startsWith(storagePrefix)) return false
    const link = this.#links.find(url.searchParams.get('X-Amz-Signature') ?? '')
    const signed = link?.operation !== 'upload' || request.headers['x-amz-content-sha256'] === link.object.oid
    if (request.headers.authorization) sendText(response, 400, 'Only one auth mechanism allowed\n')
    else if (!link || !signed || !url.pathname.endsWith(link.object.oid)) sendText(response, 403, 'SignatureDoesNotMatch\n')
    else if (link.expiresAt <= Date.now()) sendText(response, 403, 'Request has expired\n')
    else await serveLink(request, response, link)
    return true
  }
}
