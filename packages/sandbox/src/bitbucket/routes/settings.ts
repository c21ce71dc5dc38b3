import type { FastifyInstance } from 'fastify'
import { headBranch, isWithoutRefs } from '../../git/bare-repository.ts'
import type { BitbucketContext } from '../context.ts'
import { bitbucketError, forbidden } from '../errors.ts'
import { page } from '../pages.ts'

/** Settings that the sandbox keeps as given and never interprets. Set them with `setData`. */
export type DataKind =
  | 'branch-restrictions'
  | 'branch-model'
  | 'ssh-keys'
  | 'webhooks'
  | 'hooks'
  | 'pull-request-settings'
  | 'default-reviewers'
  | 'required-builds'

interface Endpoint {
  readonly kind: DataKind
  /** Path below `/rest`, with the repository as `*`. */
  readonly path: string
  /** `page`: a page of the values; `list`: the bare array; `value`: the value itself, or 404. */
  readonly form: 'page' | 'list' | 'value'
  readonly onProject: boolean
}

const endpoints: readonly Endpoint[] = [
  { kind: 'branch-restrictions', path: '/branch-permissions/:version/*/restrictions', form: 'page', onProject: true },
  { kind: 'ssh-keys', path: '/keys/:version/*/ssh', form: 'page', onProject: true },
  { kind: 'webhooks', path: '/api/:version/*/webhooks', form: 'page', onProject: true },
  { kind: 'hooks', path: '/api/:version/*/settings/hooks', form: 'page', onProject: true },
  { kind: 'pull-request-settings', path: '/api/:version/*/settings/pull-requests', form: 'value', onProject: false },
  { kind: 'default-reviewers', path: '/default-reviewers/:version/*/conditions', form: 'list', onProject: true },
  { kind: 'required-builds', path: '/required-builds/:version/*/conditions', form: 'page', onProject: false },
]

/** Access keys come at most 50 at a time, whatever is asked for. */
const caps: Partial<Record<DataKind, number>> = { 'ssh-keys': 50 }

/** Settings of projects and repositories, for their administrators. */
export function settingsRoutes(app: FastifyInstance, context: BitbucketContext): void {
  for (const { kind, path, form, onProject } of endpoints) {
    const answer = (data: ReadonlyMap<string, unknown>, paging: ReturnType<BitbucketContext['paging']>) => {
      const value = data.get(kind)
      if (form === 'page') return page((value ?? []) as unknown[], paging)
      if (form === 'list') return value ?? []
      if (value === undefined) throw bitbucketError(404, 'NoSuchObjectException', 'Nothing is configured here.')
      return value
    }
    app.get(path.replace('*', 'projects/:key/repos/:slug'), async (request) =>
      answer(context.repository(request, 3).data, context.paging(request, caps[kind])))
    if (!onProject) continue
    app.get(path.replace('*', 'projects/:key'), async (request) =>
      answer(context.project(request, 3).data, context.paging(request, caps[kind])))
  }

  // With or without a version, as older and newer servers have it. Closed to tokens, like all of administration.
  for (const version of ['', '/:version']) {
    app.get(`/git-lfs${version}/admin/projects/:key/repos/:slug/enabled`, async (request, reply) => {
      if (context.actor(request).kind === 'token') throw forbidden()
      if (!context.repository(request, 3).lfs) {
        throw bitbucketError(404, 'NoSuchObjectException', 'Git LFS is not enabled for this repository.')
      }
      return reply.code(200).send()
    })
  }

  app.get('/branch-utils/:version/projects/:key/repos/:slug/branchmodel', async (request) => {
    const { path, data } = context.repository(request, 1)
    if (await isWithoutRefs(path)) {
      throw bitbucketError(409, 'repository.EmptyRepositoryException', 'This repository is empty; it has no branching model yet.')
    }
    const development = `refs/heads/${await headBranch(path)}`
    return data.get('branch-model') ?? { development: { refId: development, useDefault: true }, types: [] }
  })
}
