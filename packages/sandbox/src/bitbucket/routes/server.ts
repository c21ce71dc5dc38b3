import type { FastifyInstance } from 'fastify'
import type { BitbucketContext } from '../context.ts'
import { bitbucketError, forbidden } from '../errors.ts'
import { mapPage, page } from '../pages.ts'

/** The server itself: version, users, administration. */
export function serverRoutes(app: FastifyInstance, context: BitbucketContext): void {
  const { state, shapes, version } = context

  app.get('/application-properties', async () => ({
    version,
    buildNumber: `${version.split('.').map((part) => part.padStart(3, '0')).join('')}000`,
    buildDate: '1735689600000',
    displayName: 'Bitbucket',
  }))

  app.get('/users', async (request) => {
    if (context.actor(request).kind === 'anonymous') throw forbidden()
    const { filter = '', group } = request.query as { filter?: string; group?: string }
    const members = group === undefined ? undefined : (state.groups.get(group) ?? new Set())
    const found = page([...state.users.values()], context.paging(request), (one) =>
      `${one.name} ${one.displayName} ${one.emailAddress}`.toLowerCase().includes(filter.toLowerCase()) &&
      (!members || members.has(one.name)))
    return mapPage(found, (one) => shapes.user(one))
  })

  app.get('/users/:slug', async (request) => {
    if (context.actor(request).kind === 'anonymous') throw forbidden()
    const { slug } = request.params as { slug: string }
    const user = [...state.users.values()].find((one) => one.slug === slug.toLowerCase())
    if (!user) throw bitbucketError(404, 'user.NoSuchUserException', `User ${slug} does not exist.`)
    return shapes.user(user)
  })

  app.get('/admin/rate-limit/settings', async (request) => {
    context.requireAdmin(request)
    const { rateLimit } = context
    return { enabled: rateLimit !== undefined, defaultSettings: { capacity: rateLimit?.capacity ?? 60, fillRate: rateLimit?.fillRate ?? 5 } }
  })

  app.get('/admin/groups/more-members', async (request) => {
    context.requireAdmin(request)
    const { context: group = '', filter = '' } = request.query as { context?: string; filter?: string }
    const members = [...(state.groups.get(group) ?? [])].flatMap((name) => state.user(name) ?? [])
    return mapPage(page(members, context.paging(request), (one) => one.name.includes(filter)), (one) => shapes.user(one))
  })
}
