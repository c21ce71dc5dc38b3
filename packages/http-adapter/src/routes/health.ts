import { SaddleError } from '@saddle/core'
import type { Context } from '../context.ts'
import { errors } from '../schemas/common.ts'
import * as schema from '../schemas/health.ts'
import type { App } from './routes.ts'
import { version } from '../version.ts'

/** Whether the server is there, and whether it can work. */
export function healthRoutes(app: App, context: Context): void {
  const tags = ['health']

  app.get('/health', { schema: { tags, summary: 'The process answers', response: { 200: schema.health, ...errors() } } }, async () => {
    return { status: 'healthy' as const }
  })

  app.get(
    '/health/app',
    { schema: { tags, summary: 'The application and its version', response: { 200: schema.componentHealth, ...errors() } } },
    async () => ({ status: 'healthy' as const, component: 'app', version }),
  )

  app.get(
    '/health/ready',
    {
      schema: {
        tags,
        summary: 'Whether each part that requests need can be used now',
        response: { ...errors(), 200: schema.readiness, 503: schema.readiness },
      },
    },
    async (_request, reply) => {
      const [store, sessions, queue] = await Promise.all([
        state(() => context.store.listMigrations({ limit: 1 })),
        state(() => context.sessionStore.ping()),
        state(() => context.queue.ping()),
      ])
      const parts = { store, sessions, queue: context.jobs.accepts ? queue : { status: 'unhealthy' as const, detail: 'The server is stopping.' } }
      const ready = Object.values(parts).every(({ status }) => status === 'healthy')
      if (!ready) void reply.header('retry-after', '5')
      return reply.code(ready ? 200 : 503).send({ status: ready ? 'healthy' : 'unhealthy', parts })
    },
  )
}

const healthy = { status: 'healthy' as const }

async function state(look: () => Promise<unknown>): Promise<{ status: 'healthy' | 'unhealthy'; detail?: string }> {
  try {
    await look()
    return healthy
  } catch (error) {
    return { status: 'unhealthy', detail: SaddleError.from(error).message }
  }
}
