import { join } from 'node:path'
import { headBranch, listRefs, objectsSize, setHead } from '../git/bare-repository.ts'
import type { Git } from '../git/git.ts'
import { decodePart, parseGitEndpoint, type GitHttpBackend, type GitRequest } from '../git/http-backend.ts'
import { readPushRequest, report, rewriteReport, type PushRequest } from '../git/receive-pack.ts'
import type { Exchange } from '../http/listener.ts'
import { sendJson, sendText } from '../http/send-json.ts'
import { lfsMediaType } from '../lfs/batch.ts'
import { lfsOptions } from '../lfs/options.ts'
import type { GitHubLfs } from './lfs.ts'
import { atLeast, type Actor, type Level, type Repository } from './model.ts'
import type { GitHubOptions, RefRule } from './options.ts'
import { hookEnvironment, writePushHook, type PushChecks } from './push-hook.ts'
import { refusalsOf } from './refusals.ts'
import { repositoryKey, type GitHubState } from './state.ts'

const challenge = { 'www-authenticate': 'Basic realm="GitHub"' }
const pathPattern = /^\/([^/]+)\/([^/]+?)(?:\.git)?\/(info\/refs|info\/lfs\/.+|git-upload-pack|git-receive-pack)$/

/** Whether a path is one of git's. */
export const isGitPath = (path: string): boolean => pathPattern.test(path)

/** What {@link GitHubGit} works with. */
export interface GitHubGitParts {
  readonly git: Git
  readonly backend: GitHttpBackend
  readonly state: GitHubState
  readonly options: GitHubOptions
  readonly rules: readonly RefRule[]
  readonly folder: string
}

/** Answers git: `/<owner>/<name>.git/...`. */
export class GitHubGit {
  readonly #parts: GitHubGitParts
  #hooks: Promise<string> | undefined

  constructor(parts: GitHubGitParts) {
    this.#parts = parts
  }

  /** Answers one request, for one of the services or for Git LFS. */
  async serve(exchange: Exchange, actor: Actor, lfs: GitHubLfs): Promise<void> {
    const { request, response, url } = exchange
    const { state, backend, options } = this.#parts
    const [, owner = '', name = '', endpoint = ''] = pathPattern.exec(url.pathname)?.map(decodePart) ?? []
    const moved = state.repository(owner, name) ? undefined : state.renamed.get(repositoryKey(owner, name))
    if (moved && atLeast(state.access(actor, moved), 'pull')) {
      const location = `/${moved.owner.login}/${moved.name}.git/${endpoint}${url.search}`
      return sendText(response, request.method === 'GET' ? 301 : 307, '', { location })
    }
    const repository = state.repository(owner, name)
    const level = repository ? state.access(actor, repository) : 'none'
    if (endpoint.startsWith('info/lfs/')) return this.#serveLfs(exchange, actor, lfs, repository, level, endpoint)
    const ask = parseGitEndpoint(request.method ?? '', endpoint, url.searchParams)
    if (!ask) return sendText(response, 404, 'Not Found\n')
    const pushes = ask.service === 'git-receive-pack'
    if (actor.kind === 'anonymous' && (pushes || !atLeast(level, 'pull'))) return sendText(response, 401, 'Repository not found.\n', challenge)
    const visible = repository && Date.now() - repository.createdAt >= (options.visibleAfterMs ?? 0)
    if (!visible || !atLeast(level, 'pull')) return sendText(response, 404, 'Repository not found.\n')
    if (pushes && !atLeast(level, 'push')) {
      const byUser = actor.kind === 'user' && !actor.permissions
      const text = byUser ? `Permission to ${owner}/${name}.git denied to ${actor.user.login}.` : 'Write access to repository not granted.'
      return sendText(response, 403, `${text}\n`)
    }
    if (pushes && repository.archived) return sendText(response, 403, 'This repository was archived so it is read-only.\n')
    const common = { path: repository.path, ...ask, protocol: 2 as const }
    if (!pushes) {
      const config = { 'uploadpack.allowFilter': 'true', 'uploadpack.allowAnySHA1InWant': 'true' }
      return backend.serve(request, response, { ...common, config })
    }
    if (ask.endpoint === 'info/refs') return backend.serve(request, response, { ...common, config: { 'receive.hideRefs': 'refs/pull' } })
    return this.#push(exchange, repository, common)
  }

  /** Git LFS answers in JSON, also where it refuses. */
  async #serveLfs(
    exchange: Exchange,
    actor: Actor,
    lfs: GitHubLfs,
    repository: Repository | undefined,
    level: Level,
    endpoint: string,
  ): Promise<void> {
    const refuse = (status: number, message: string, headers = {}) => {
      const body = { message, documentation_url: 'https://docs.github.com/repositories/working-with-files/managing-large-files' }
      sendJson(exchange.response, status, body, { 'content-type': lfsMediaType, ...headers })
    }
    if (actor.kind === 'anonymous' && !atLeast(level, 'pull')) {
      return refuse(401, 'Credentials needed', { 'lfs-authenticate': challenge['www-authenticate'] })
    }
    if (!repository || !atLeast(level, 'pull')) return refuse(404, 'Not Found')
    if (lfsOptions(this.#parts.options.lfs).enabled === false) return refuse(403, 'Git LFS is disabled for this repository.')
    await lfs.serveApi(exchange, endpoint.slice('info/lfs/'.length), repository, atLeast(level, 'push') && !repository.archived)
  }

  async #push({ request, response, lie }: Exchange, repository: Repository, common: Omit<GitRequest, 'config'>): Promise<void> {
    const { backend, options, rules } = this.#parts
    const push = await readPushRequest(request)
    if (lie) {
      push.body.resume()
      response.writeHead(200, { 'content-type': 'application/x-git-receive-pack-result' })
      return void response.end(report(push, new Map()))
    }
    const own = rules.filter(({ owner = repository.owner.login, name = repository.name }) =>
      repositoryKey(owner, name) === repositoryKey(repository.owner.login, repository.name))
    const checks: PushChecks = { fileLimit: options.fileLimit, lfs: options.checkLfs ?? false }
    const { refusals, text } = refusalsOf(push.commands, own)
    await backend.serve(request, response, {
      ...common,
      body: push.body,
      config: {
        // Git refuses a hidden ref by itself, which costs no hook; the report then gets GitHub's words.
        'receive.hideRefs': ['refs/pull', ...refusals.keys()],
        ...(options.packLimit === undefined ? {} : { 'receive.maxInputSize': String(options.packLimit) }),
        ...(checks.fileLimit === undefined && !checks.lfs ? {} : { 'core.hooksPath': await this.#hookFolder() }),
      },
      environment: hookEnvironment(checks),
      ...(refusals.size > 0 ? { rewrite: (answer: Buffer) => rewriteReport(answer, push, refusals, text) } : {}),
      beforeEnd: () => this.#afterPush(repository, push),
    })
  }

  /** GitHub takes the first branch that is pushed for the default when there is none of the default's name. */
  async #afterPush(repository: Repository, push: PushRequest): Promise<void> {
    const { git } = this.#parts
    repository.pushedAt = Date.now()
    repository.size = await objectsSize(repository.path)
    const pushed = push.commands.map(({ ref }) => ref).filter((ref) => ref.startsWith('refs/heads/'))
    if (pushed.length === 0) return
    const head = `refs/heads/${await headBranch(repository.path)}`
    if (pushed.includes(head)) return
    const heads = (await listRefs(git, repository.path, 'refs/heads/')).map(({ name }) => name)
    if (heads.includes(head)) return
    const first = pushed.find((ref) => heads.includes(ref))
    if (!first) return
    repository.defaultBranch = first.slice('refs/heads/'.length)
    await setHead(repository.path, repository.defaultBranch)
  }

  #hookFolder(): Promise<string> {
    return (this.#hooks ??= writePushHook(join(this.#parts.folder, 'hooks')))
  }
}
