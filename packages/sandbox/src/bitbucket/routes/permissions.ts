import type { FastifyInstance } from 'fastify'
import type { BitbucketContext } from '../context.ts'
import { levelOf, type Grants, type Permission } from '../model.ts'
import { page, type PageRequest } from '../pages.ts'

/** Who was granted what, for administrators of the project or repository. */
export function permissionRoutes(app: FastifyInstance, context: BitbucketContext): void {
  const { state, shapes } = context
  const users = (grants: Grants, paging: PageRequest, filter = '') =>
    page([...grants.users].filter(([name]) => name.includes(filter)).map(([name, permission]) => ({
      user: shapes.user(state.user(name)!), permission,
    })), paging)
  const groups = (grants: Grants, paging: PageRequest, filter = '') =>
    page([...grants.groups].filter(([name]) => name.includes(filter)).map(([name, permission]) => ({ group: { name }, permission })), paging)
  const filterOf = (query: unknown) => (query as { filter?: string }).filter

  app.get('/projects/:key/permissions/users', async (request) =>
    users(context.project(request, 3).grants, context.paging(request), filterOf(request.query)))
  app.get('/projects/:key/permissions/groups', async (request) =>
    groups(context.project(request, 3).grants, context.paging(request), filterOf(request.query)))
  app.get('/projects/:key/repos/:slug/permissions/users', async (request) =>
    users(context.repository(request, 3).grants, context.paging(request), filterOf(request.query)))
  app.get('/projects/:key/repos/:slug/permissions/groups', async (request) =>
    groups(context.repository(request, 3).grants, context.paging(request), filterOf(request.query)))
  app.get('/projects/:key/permissions/:permission/all', async (request) => {
    const project = context.project(request, 3)
    const { permission } = request.params as { permission: Permission }
    return { permitted: levelOf(project.defaultPermission) >= levelOf(permission) }
  })
}
