import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { headBranch, listRefs, objectsSize, setHead } from '../git/bare-repository.ts'
import type { Git } from '../git/git.ts'
import { parseGitEndpoint, type GitHttpBackend } from '../git/http-backend.ts'
import { readPushRequest, report, rewriteReport, type PushRequest } from '../git/receive-pack.ts'
import type { Exchange } from '../http/listener.ts'
import { sendText } from '../http/send-json.ts'
import { atLeast, type Actor, type Repository } from './model.ts'
import type { GitHubOptions, RefRule } from './options.ts'
import { refusalsOf } from './refusals.ts'
import { repositoryKey, type GitHubState } from './state.ts'

const challenge = { 'www-authenticate': 'Basic realm="GitHub"' }
const pathPattern = /^\/([^/]+)\/([^/]+?)(?:\.git)?\/(info\/refs|git-upload-pack|git-receive-pack)$/

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

  async serve(exchange: Exchange, actor: Actor): Promise<void> {
    const { request, response, url } = exchange
    const { state, backend, options } = this.#parts
    const [, owner = '', name = '', endpoint = ''] = pathPattern.exec(url.pathname)?.map((part) => decodeURIComponent(part)) ?? []
    const ask = parseGitEndpoint(request.method ?? '', endpoint, url.searchParams)
    if (!ask) return sendText(response, 404, 'Not Found\n')
    const moved = state.repository(owner, name) ? undefined : state.renamed.get(repositoryKey(owner, name))
    if (moved && atLeast(state.access(actor, moved), 'pull')) {
      const location = `/${moved.owner.login}/${moved.name}.git/${endpoint}${url.search}`
      return sendText(response, request.method === 'GET' ? 301 : 307, '', { location })
    }
    const repository = state.repository(owner, name)
    const level = repository ? state.access(actor, repository) : 'none'
    const pushes = ask.service === 'git-receive-pack'
    if (actor.kind === 'anonymous' && (pushes || !atLeast(level, 'pull'))) return sendText(response, 401, 'Repository not found.\n', challenge)
    const visible = repository && Date.now() - repository.createdAt >= (options.visibleAfterMs ?? 0)
    if (!visible || !atLeast(level, 'pull')) return sendText(response, 404, 'Repository not found.\n')
    if (pushes && !atLeast(level, 'push')) {
      const byUser = actor.kind === 'user' && !actor.permissions
      return sendText(response, 403, byUser ? `Permission to ${owner}/${name}.git denied to ${actor.user.login}.\n` : 'Write access to repository not granted.\n')
    }
    if (pushes && repository.archived) return sendText(response, 403, 'This repository was archived so it is read-only.\n')
    const common = { path: repository.path, ...ask, protocol: 2 as const }
    if (!pushes) return backend.serve(request, response, { ...common, config: { 'uploadpack.allowFilter': 'true', 'uploadpack.allowAnySHA1InWant': 'true' } })
    if (ask.endpoint === 'info/refs') return backend.serve(request, response, { ...common, config: { 'receive.hideRefs': 'refs/pull' } })
    return this.#push(exchange, repository, common)
  }

  async #push({ request, response, lie }: Exchange, repository: Repository, common: Omit<Parameters<GitHttpBackend['serve']>[2], 'config'>): Promise<void> {
    const { backend, options, rules } = this.#parts
    const push = await readPushRequest(request)
    if (lie) {
      push.body.resume()
      response.writeHead(200, { 'content-type': 'application/x-git-receive-pack-result' })
      return void response.end(report(push, new Map()))
    }
    const own = rules.filter(({ owner, name }) => (owner ?? repository.owner.login) === repository.owner.login && (name ?? repository.name) === repository.name)
    const { refusals, text } = refusalsOf(push.commands, own)
    await backend.serve(request, response, {
      ...common,
      body: push.body,
      config: {
        // Git refuses a hidden ref by itself, which costs no hook; the report then gets GitHub's words.
        'receive.hideRefs': ['refs/pull', ...refusals.keys()],
        ...(options.packLimit === undefined ? {} : { 'receive.maxInputSize': String(options.packLimit) }),
        ...(options.fileLimit === undefined ? {} : { 'core.hooksPath': await this.#hookFolder() }),
      },
      ...(options.fileLimit === undefined ? {} : { environment: { SANDBOX_FILE_LIMIT: String(options.fileLimit) } }),
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
    return (this.#hooks ??= writeHook(join(this.#parts.folder, 'hooks')))
  }
}

/** Looks through the new objects for files over the limit and says what GitHub says. */
const fileLimitHook = `#!/bin/sh
large=$(while read old new ref; do case $new in *[!0]*) echo "$new";; esac; done |
  git rev-list --objects --stdin --not --all |
  git cat-file --batch-check='%(objecttype) %(objectsize) %(rest)' |
  awk -v limit="$SANDBOX_FILE_LIMIT" '$1 == "blob" && $2 > limit { size = $2; $1 = $2 = ""; sub(/^ +/, ""); printf "error: File %s is %.2f MB; this exceeds GitHub'"'"'s file size limit of %.2f MB\\n", $0, size / 1048576, limit / 1048576 }')
[ -z "$large" ] && exit 0
echo "error: Trace: 0123456789abcdef" >&2
echo "error: See https://gh.io/lfs for more information." >&2
echo "$large" >&2
echo "error: GH001: Large files detected. You may want to try Git Large File Storage - https://git-lfs.github.com." >&2
exit 1
`

async function writeHook(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true })
  const file = join(folder, 'pre-receive')
  await writeFile(file, fileLimitHook)
  await chmod(file, 0o755)
  return folder
}
