import fastifySwagger from '@fastify/swagger'
import fastifySwaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod'
import { version } from '../version.ts'
import { documentationPolicy } from './policy.ts'

const token = [{ githubToken: [] }, { bearer: [] }]
/** What a group's routes want to see, unless a route says otherwise; any one of the list will do. */
const credentials: Record<string, Record<string, string[]>[]> = {
  bitbucket: [{ session: [] }],
  github: [{ session: [] }, ...token],
  migration: [{ session: [] }, ...token.map((one) => ({ session: [], ...one }))],
  'bulk-migration': [{ session: [] }, ...token.map((one) => ({ session: [], ...one }))],
  teams: [{ session: [] }, ...token],
}

/** Makes the OpenAPI document from the schemas that validate. To be called before the routes. */
export async function registerOpenApi(app: FastifyInstance, options: { cookie: string }): Promise<void> {
  await app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Saddle',
        version,
        description: 'Moves repositories from Bitbucket Data Center to GitHub.',
      },
      tags: [
        { name: 'auth', description: 'Logins and the session' },
        { name: 'bitbucket', description: 'The source' },
        { name: 'github', description: 'The target' },
        { name: 'migration', description: 'Single repository migrations' },
        { name: 'bulk-migration', description: 'Bulk repository migrations' },
        { name: 'teams', description: 'Team and permission management' },
        { name: 'health', description: 'Whether the server works' },
      ],
      components: {
        securitySchemes: {
          session: { type: 'apiKey', in: 'cookie', name: options.cookie },
          githubToken: { type: 'apiKey', in: 'header', name: 'X-GitHub-Token' },
          bearer: { type: 'http', scheme: 'bearer', description: 'A GitHub token' },
        },
      },
    },
    transform: (route) => {
      const { schema, url } = jsonSchemaTransform(route)
      return { schema: { security: credentials[schema.tags?.[0] ?? ''] ?? [], ...schema }, url }
    },
    transformObject: jsonSchemaTransformObject,
  })
  await app.register(fastifySwaggerUi, {
    routePrefix: '/docs',
    staticCSP: documentationPolicy,
    // The bar at the top is for those who want to see another server's document.
    theme: { title: 'Saddle: API', css: [{ filename: 'saddle.css', content: '.swagger-ui .topbar { display: none }' }] },
    uiConfig: { persistAuthorization: false, tryItOutEnabled: true },
  })
  app.get('/api/v1/openapi.json', { schema: { hide: true } }, async () => app.swagger())
}
