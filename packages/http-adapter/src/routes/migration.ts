// One group of the contract in one file, as every group is: its handlers share the session, the jobs and the streams.
import { isFinal, SaddleError, type Credentials, type MigrationRecord, type MigrationRequest } from '@saddle/core'
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { abandoned, askGitHub, credentialsForWork, missingBitbucket, ownToken, type Context } from '../context.ts'
import { logLines } from '../jobs/log-lines.ts'
import { recordOf, summaryOf } from '../jobs/translate.ts'
import { HttpProblem, invalid, notFound } from '../security/errors.ts'
import { errors, upstreamErrors } from '../schemas/common.ts'
import * as schema from '../schemas/migration.ts'
import type { Session } from '../sessions/sessions.ts'
import { lastEventId, preferStream, wantsJson, type StreamEvent } from '../streams/streams.ts'
import type { App } from './routes.ts'

const tags = ['migration']
const params = z.object({ migration_id: schema.migrationId })

/** Single migrations: start, follow, cancel, retry, and their history. */
export function migrationRoutes(app: App, context: Context): void {
  startRoute(app, context)
  statusRoute(app, context)
  controlRoutes(app, context)
  historyRoutes(app, context)
  accessRoute(app, context)
}

function startRoute(app: App, context: Context): void {
  const { jobs, vault, store } = context

  app.post(
    '/start',
    {
      schema: {
        tags,
        summary: 'Start a migration',
        headers: schema.startHeaders,
        body: schema.startBody,
        response: { 202: schema.startAnswer, ...errors(...upstreamErrors, 409, 413) },
      },
    },
    async (request, reply) => {
      const session = await context.sessions.require(request, missingBitbucket)
      const credentials = await credentialsForWork(context, request, session)
      const wanted = requestOf(request.body)
      const idempotencyKey = request.headers['idempotency-key']
      const filed = { id: randomUUID(), owner: session.subject, ...(idempotencyKey === undefined ? {} : { idempotencyKey }) }
      const isKnown = async () =>
        idempotencyKey !== undefined && (await store.listMigrations({ idempotencyKey, startedBy: session.subject, limit: 1 })).items.length > 0
      const record = await jobs.withEngine(credentials, async (engine) => {
        // Finds the one that has the key already, or says that the key is another request's.
        if (await isKnown()) return engine.create(wanted, filed)
        try {
          await assertPossible(context, credentials, wanted, abandoned(reply))
          // Held before the record exists, so that a process that dies in between leaves nothing that cannot be continued.
          await vault.hold(session.subject, filed.id, ownToken(request, credentials))
          return await engine.create(wanted, filed)
        } catch (error) {
          // The same request, sent twice, can have been faster: then what stands in the way is its own migration.
          if (await isKnown()) return engine.create(wanted, filed)
          throw error
        }
      }).catch(async (error: unknown) => {
        await vault.release(session.subject, filed.id)
        throw error
      })
      if (record.id === filed.id) await jobs.start(record)
      else await vault.release(session.subject, filed.id)
      void reply.header('location', `/api/v1/migration/status/${encodeURIComponent(record.id)}`)
      return reply.code(202).send({ migration_id: record.id, status: record.status, message: 'Migration started' })
    },
  )
}

function statusRoute(app: App, context: Context): void {
  app.get(
    '/status/:migration_id',
    {
      exposeHeadRoute: false,
      sse: 'dual',
      onRequest: preferStream,
      schema: {
        tags,
        summary: 'Follow a migration, or see where it stands',
        description:
          'Server-Sent Events: `migration_update`, each with the state as its data, numbered; `Last-Event-ID` goes on where a reader was. ' +
          'The last event has a final status, and the stream ends. 204 when a reader that comes back has had everything. ' +
          'With `Accept: application/json`, the state as it is now.',
        params,
        response: {
          200: {
            description: 'The state (JSON), or the events',
            content: {
              'application/json': { schema: schema.snapshot },
              'text/event-stream': { schema: z.string().describe('event: migration_update, data: MigrationUpdate') },
            },
          },
          204: z.null().describe('Nothing more to come'),
          ...errors(401, 404),
        },
      },
    },
    async (request, reply) => {
      const session = await context.sessions.require(request)
      const id = request.params.migration_id
      if (wantsJson(request)) {
        const standing = await context.snapshots.of(id)
        if (standing?.owner !== session.subject) throw notFound('This migration')
        // Sent as it is; the tests hold it to its schema.
        return reply.type('application/json; charset=utf-8').send(standing.json)
      }
      const record = await ownRecord(context, session, id)
      const after = lastEventId(request)
      if (after > 0 && isFinal(record.status) && !(await hasMore(context, record.id, after))) return reply.code(204).send(null)
      // The answer is written and ended by the stream; `return reply` would wait for that end for ever.
      return context.streams.send(request, reply, session, (signal) => updates(context, record.id, after, signal))
    },
  )
}

function controlRoutes(app: App, context: Context): void {
  const { jobs, snapshots, vault, store } = context

  app.post(
    '/:migration_id/cancel',
    { schema: { tags, summary: 'Stop a migration', params, response: { 200: schema.cancelAnswer, ...errors(401, 403, 404, 409) } } },
    async (request) => {
      const session = await context.sessions.require(request)
      const { id } = await ownRecord(context, session, request.params.migration_id)
      if (!(await jobs.cancel({ id, owner: session.subject }))) throw new HttpProblem(409, 'CONFLICT', 'The migration has ended already.')
      const { status } = await ownRecord(context, session, id)
      snapshots.forget(id)
      return { migration_id: id, status, message: status === 'cancelled' ? 'Migration cancelled' : 'The migration is being cancelled' }
    },
  )

  app.post(
    '/:migration_id/retry',
    {
      schema: {
        tags,
        summary: 'Continue a migration that failed or was cancelled, with the credentials of the session',
        params,
        response: { 202: schema.startAnswer, ...errors(401, 403, 404, 409) },
      },
    },
    async (request, reply) => {
      const session = await context.sessions.require(request)
      const { id, status, bulkId } = await ownRecord(context, session, request.params.migration_id)
      if (bulkId !== undefined) throw new HttpProblem(409, 'CONFLICT', `The migration is part of the bulk migration ${bulkId}. Retry that one.`)
      if (status !== 'failed' && status !== 'cancelled') throw new HttpProblem(409, 'CONFLICT', `The migration is ${status}; only one that failed or was cancelled is retried.`)
      const credentials = await credentialsForWork(context, request, session)
      await vault.hold(session.subject, id, ownToken(request, credentials))
      await store.updateMigration(id, { status: 'pending', error: undefined, endedAt: undefined, cancelRequested: undefined })
      snapshots.forget(id)
      await jobs.start({ id, owner: session.subject })
      void reply.header('location', `/api/v1/migration/status/${encodeURIComponent(id)}`)
      return reply.code(202).send({ migration_id: id, status: 'pending', message: 'Migration started again' })
    },
  )
}

function historyRoutes(app: App, context: Context): void {
  app.get(
    '/history',
    { schema: { tags, summary: 'Migrations of this session, newest first', querystring: schema.historyQuery, response: { 200: schema.historyAnswer, ...errors(401) } } },
    async (request) => {
      const session = await context.sessions.require(request)
      const { status, project, owner, limit, cursor } = request.query
      const page = await context.store.listMigrations({
        startedBy: session.subject,
        limit,
        ...(status === undefined ? {} : { status }),
        ...(project === undefined ? {} : { project }),
        ...(owner === undefined ? {} : { owner }),
        ...(cursor === undefined ? {} : { cursor }),
      })
      return { migrations: page.items.map(summaryOf), cursor: page.cursor ?? null }
    },
  )

  app.get(
    '/history/:migration_id',
    { schema: { tags, summary: 'Everything about a migration', params, response: { 200: schema.record, ...errors(401, 404) } } },
    async (request) => {
      const session = await context.sessions.require(request)
      return recordOf(await ownRecord(context, session, request.params.migration_id))
    },
  )

  app.get(
    '/history/:migration_id/log',
    {
      exposeHeadRoute: false,
      schema: {
        tags,
        summary: "A migration's log, as text or (with `Accept: application/x-ndjson`) as its events, one JSON line each",
        params,
        response: {
          200: {
            description: 'The log',
            content: { 'text/plain': { schema: z.string() }, 'application/x-ndjson': { schema: z.string() } },
          },
          ...errors(401, 404),
        },
      },
    },
    async (request, reply) => {
      const session = await context.sessions.require(request)
      const { id } = await ownRecord(context, session, request.params.migration_id)
      const json = (request.headers.accept ?? '').includes('ndjson')
      const type = json ? 'application/x-ndjson' : 'text/plain'
      const lines = logLines(context.store.events(id, { signal: abandoned(reply) }), json)
      // A stream is sent as it is; the schema says what it carries.
      return reply.type(`${type}; charset=utf-8`).send(lines as unknown as string)
    },
  )
}

function accessRoute(app: App, context: Context): void {
  app.post(
    '/test-github-access',
    {
      schema: {
        tags,
        security: [{ session: [] }, { githubToken: [] }, { bearer: [] }],
        summary: 'What the GitHub token may do with a repository',
        querystring: schema.accessQuery,
        body: schema.accessBody,
        response: { 200: schema.accessAnswer, ...errors(401, 403, 413, 502, 504) },
      },
    },
    async (request, reply) => {
      const owner = request.query.owner ?? request.body?.owner
      const repo = request.query.repo ?? request.body?.repo
      if (owner === undefined) throw invalid('query.owner', 'is missing')
      if (repo === undefined) throw invalid('query.repo', 'is missing')
      const report = await askGitHub(context, request, reply, (client, signal) => client.checkAccess(owner, repo, { signal }))
      const { token, repository } = report
      const [read, push] = [repository?.canRead ?? false, repository?.canPush ?? false]
      // For the client, a repository that is not there yet lacks nothing: a migration creates it. Who asks for access to it does.
      const unseen = token.valid && report.owner.exists && !repository?.exists
      const missing = unseen ? [`There is no repository ${owner}/${repo}, or the token may not see it.`, ...report.missing] : [...report.missing]
      return {
        status: token.valid && read && push ? ('success' as const) : ('failed' as const),
        message: missing.length > 0 ? missing.join(' ') : `The token may read ${owner}/${repo} and push to it.`,
        token: { valid: token.valid, kind: token.kind, login: token.login ?? null, scopes: token.scopes ? [...token.scopes] : null },
        repository: { exists: repository?.exists ?? false, archived: repository?.archived ?? false },
        read_access: read,
        push_access: push,
        missing,
      }
    },
  )
}

function requestOf({ source, target: { description, ...target }, repository_option: option, force }: z.output<typeof schema.startBody>): MigrationRequest {
  return {
    source,
    // Null is the original's way to leave it out; then the source's description is taken.
    target: { ...target, ...(description === null || description === undefined ? {} : { description }), existing: option === 'existing' },
    options: { force },
  }
}

/** The record, if the session started the migration; whoever did not learns nothing, not even that there is one. */
async function ownRecord({ store }: Context, { subject }: Session, id: string): Promise<MigrationRecord> {
  const record = await store.getMigration(id)
  if (record?.owner === subject) return record
  throw notFound('This migration')
}

/** What can be known before a migration begins is an answer now, not a failure later. */
async function assertPossible(context: Context, credentials: Credentials, { source, target }: MigrationRequest, signal: AbortSignal): Promise<void> {
  const { owner, name = '' } = target
  const [, repository, { items }] = await Promise.all([
    context.clients.bitbucket(credentials.bitbucket, (client) => client.repository(source.project, source.repository, { signal })),
    context.clients.github(credentials.github, (client) => client.repository(owner, name, { signal })),
    context.store.listMigrations({ target: `${owner}/${name}`, limit: 20 }),
  ])
  if (items.some(({ status }) => !isFinal(status))) {
    throw new SaddleError('MIGRATION_RUNNING', `A migration to ${owner}/${name} is under way. Wait for its end, or cancel it.`)
  }
  if (target.existing && !repository) {
    throw new HttpProblem(404, 'NOT_FOUND', `There is no repository ${owner}/${name} at GitHub, or the token may not see it. With "repository_option": "new" it is created.`)
  }
  if (!target.existing && repository) {
    throw new HttpProblem(409, 'ALREADY_EXISTS', `There is a repository ${owner}/${name} at GitHub already. With "repository_option": "existing" it is brought up to date.`)
  }
}

async function* updates(context: Context, id: string, after: number, signal: AbortSignal): AsyncGenerator<StreamEvent> {
  for await (const { number, data } of context.feeds.watch(id, after, signal)) yield { id: String(number), event: 'migration_update', data }
}

async function hasMore(context: Context, id: string, after: number): Promise<boolean> {
  const stop = new AbortController()
  for await (const _ of context.feeds.watch(id, after, stop.signal)) return true
  return false
}

