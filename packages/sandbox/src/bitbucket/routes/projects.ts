import type { FastifyInstance } from 'fastify'
import type { BitbucketContext } from '../context.ts'
import type { Repository } from '../model.ts'
import { mapPage, page } from '../pages.ts'

/** Projects, and the lists of repositories. */
export function projectRoutes(app: FastifyInstance, context: BitbucketContext): void {
  const { state, access, shapes } = context

  app.get('/projects', async (request) => {
    const { name = '', permission } = request.query as { name?: string; permission?: string }
    const actor = context.actor(request)
    const needed = permission === 'PROJECT_ADMIN' ? 3 : permission === 'PROJECT_WRITE' ? 2 : 1
    // Personal projects are never listed here.
    const all = [...state.projects.values()].filter((one) => !one.owner).sort(byName)
    const found = page(all, context.paging(request), (one) =>
      one.name.toLowerCase().includes(name.toLowerCase()) &&
      (needed === 1 ? access.seesProject(actor, one) : access.toProject(actor, one) >= needed),
    )
    return mapPage(found, (one) => shapes.project(one))
  })

  app.get('/projects/:key', async (request) => shapes.project(context.project(request, 1)))

  app.get('/projects/:key/repos', async (request) => {
    const project = context.project(request, 1)
    const actor = context.actor(request)
    const found = page(state.repositoriesOf(project).sort(byName), context.paging(request), (one) => access.toRepository(actor, one) > 0)
    return mapPage(found, (one) => shapes.repository(one, context.viewer(request)))
  })

  app.get('/repos', async (request) => {
    const query = request.query as Record<string, string | undefined>
    const actor = context.actor(request)
    const needed = query['permission'] === 'REPO_ADMIN' ? 3 : query['permission'] === 'REPO_WRITE' ? 2 : 1
    const filters: ((one: Repository) => boolean)[] = [
      (one) => access.toRepository(actor, one) >= needed,
      archivedFilter(query['archived'] ?? 'ACTIVE'),
    ]
    const { name, projectname, projectkey, visibility, state: condition } = query
    if (name) filters.push((one) => contains(one.name, name))
    if (projectname) filters.push((one) => contains(one.project.name, projectname))
    if (projectkey) filters.push((one) => one.project.key.toLowerCase() === projectkey.toLowerCase())
    if (visibility) filters.push((one) => (one.public || one.project.public) === (visibility.toLowerCase() === 'public'))
    if (condition) filters.push(() => condition === 'AVAILABLE')
    const found = page([...state.repositories.values()], context.paging(request), (one) => filters.every((passes) => passes(one)))
    return mapPage(found, (one) => shapes.repository(one, context.viewer(request)))
  })
}

const byName = (one: { name: string }, other: { name: string }) => one.name.localeCompare(other.name)
const contains = (text: string, part: string) => text.toLowerCase().includes(part.toLowerCase())

function archivedFilter(archived: string): (one: Repository) => boolean {
  if (archived === 'ALL') return () => true
  return (one) => one.archived === (archived === 'ARCHIVED')
}
