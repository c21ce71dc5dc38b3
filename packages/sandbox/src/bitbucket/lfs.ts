import { serveLfsApi } from '../lfs/batch.ts'
import type { LfsLinks } from '../lfs/links.ts'
import { LfsStore } from '../lfs/store.ts'
import { serveLink } from '../lfs/transfer.ts'
import type { Exchange } from '../http/listener.ts'
import { sendJson, sendText } from '../http/send-json.ts'
import type { Repository } from './model.ts'

const storagePattern = /^\/rest\/git-lfs\/storage\//

/** Git LFS as Bitbucket serves it: content below `/rest/git-lfs/storage`, by a header that the batch answer gives. */
export class BitbucketLfs {
  readonly #links: LfsLinks

  constructor(links: LfsLinks) {
    this.#links = links
  }

  /** Answers what follows `info/lfs/` of a repository. */
  async serveApi({ request, response }: Exchange, endpoint: string, repository: Repository, mayWrite: boolean): Promise<void> {
    const store = new LfsStore(repository.path)
    const place = `${encodeURIComponent(repository.project.key)}/${encodeURIComponent(repository.slug)}`
    await serveLfsApi(request, response, endpoint, {
      store,
      mayWrite,
      actions: (operation, object) => {
        const { secret, expires } = this.#links.create({ operation, store, object })
        const href = `${this.#links.storageUrl}/rest/git-lfs/storage/${place}/${object.oid}`
        return { [operation]: { href, header: { Authorization: `JWT ${secret}` }, expires_at: expires.toISOString() } }
      },
    })
  }

  /** Answers requests for content; false for other paths. */
  async serveStorage({ request, response }: Exchange, path: string): Promise<boolean> {
    if (!storagePattern.test(path)) return false
    const [, secret = ''] = /^JWT (.+)$/.exec(request.headers.authorization ?? '') ?? []
    const link = this.#links.find(secret)
    if (!link || !path.endsWith(`/${link.object.oid}`)) sendText(response, 401, 'Unauthorized\n', { 'www-authenticate': 'JWT' })
    else if (link.expiresAt <= Date.now()) sendJson(response, 401, { message: 'The token has expired.' })
    else await serveLink(request, response, link)
    return true
  }
}
