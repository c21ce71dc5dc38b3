import { decodePart, parseGitEndpoint, type GitHttpBackend } from '../git/http-backend.ts'
import { readPushRequest, report } from '../git/receive-pack.ts'
import type { Exchange } from '../http/listener.ts'
import { sendJson, sendText } from '../http/send-json.ts'
import { lfsMediaType } from '../lfs/batch.ts'
import { actorName } from './access.ts'
import type { BitbucketContext } from './context.ts'
import type { Actor, Level, Repository } from './model.ts'

const challenge = { 'www-authenticate': 'Basic realm="Atlassian Bitbucket"' }
const pathPattern = /^\/scm\/([^/]+)\/([^/]+?)(?:\.git)?\/(.+)$/

/** Answers git: `/scm/<key>/<slug>.git/...`, behind the context path. */
export async function serveBitbucketGit(
  exchange: Exchange,
  path: string,
  actor: Actor,
  context: BitbucketContext,
  backend: GitHttpBackend,
  protocol: 0 | 2,
): Promise<void> {
  const { request, response, url } = exchange
  const [, key = '', slug = '', endpoint = ''] = pathPattern.exec(path)?.map(decodePart) ?? []
  const repository = context.state.repository(key, slug)
  const level = repository ? context.access.toRepository(actor, repository) : 0
  if (endpoint.startsWith('info/lfs/')) return serveLfs(exchange, actor, repository, level, endpoint, context)
  const ask = parseGitEndpoint(request.method ?? '', endpoint, url.searchParams)
  if (!ask) return sendText(response, 404, 'Not found\n')
  const pushes = ask.service === 'git-receive-pack'
  if (actor.kind === 'anonymous' && level < (pushes ? 2 : 1)) return sendText(response, 401, 'Authentication required\n', challenge)
  if (!repository || level < 1) return sendText(response, 404, notVisible)
  if (pushes && level < 2) return sendText(response, 403, 'You are not permitted to push to this repository\n')
  if (pushes && repository.archived) {
    return sendText(response, 403, `Repository ${repository.project.key}/${repository.slug} is archived and read-only\n`)
  }
  if (exchange.lie && pushes && ask.endpoint !== 'info/refs') {
    const push = await readPushRequest(request)
    push.body.resume()
    response.writeHead(200, { 'content-type': 'application/x-git-receive-pack-result' })
    response.end(report(push, new Map()))
    return
  }
  const user = actorName(actor)
  await backend.serve(request, response, {
    path: repository.path,
    ...ask,
    protocol,
    ...(user ? { user } : {}),
    config: {
      'receive.hideRefs': 'refs/pull-requests',
      // Version 2 serves any object; version 0 only what a ref points at.
      ...(protocol === 2 ? { 'uploadpack.allowFilter': 'true', 'uploadpack.allowAnySHA1InWant': 'true' } : {}),
    },
  })
}

/** Git LFS answers in JSON, also where it refuses. */
async function serveLfs(
  exchange: Exchange,
  actor: Actor,
  repository: Repository | undefined,
  level: Level,
  endpoint: string,
  context: BitbucketContext,
): Promise<void> {
  const refuse = (status: number, message: string, headers = {}) =>
    sendJson(exchange.response, status, { message }, { 'content-type': lfsMediaType, ...headers })
  if (actor.kind === 'anonymous' && level < 1) return refuse(401, 'Authentication required', { ...challenge, 'lfs-authenticate': challenge['www-authenticate'] })
  if (!repository || level < 1) return refuse(404, notVisible.trim())
  if (!repository.lfs) return refuse(404, 'Git LFS is not enabled for this repository.')
  await context.lfs.serveApi(exchange, endpoint.slice('info/lfs/'.length), repository, level >= 2 && !repository.archived)
}

const notVisible = 'The requested repository does not exist, or you do not have permission to access it.\n'
