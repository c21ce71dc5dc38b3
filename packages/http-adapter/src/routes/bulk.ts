import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { bulkItems, bulkReport, followBulk, isFinal, type BulkItem, type BulkRecord } from '@saddle/core'
import { z } from 'zod'
import { abandoned, credentialsForWork, missingBitbucket, ownToken, type Context } from '../context.ts'
import { formatCredentialRef, parseCredentialRef } from '../jobs/credential-ref.ts'
import { bulkReportOf, bulkStatusOf, bulkSummaryOf } from '../jobs/bulk-translate.ts'
import { HttpProblem, notFound } from '../security/errors.ts'
import * as schema from '../schemas/bulk.ts'
import { errors, upstreamErrors } from '../schemas/common.ts'
import type { Session } from '../sessions/sessions.ts'
import { lastEventId, type StreamEvent } from '../streams/streams.ts'
import type { App } from './routes.ts'

const tags = ['bulk-migration']
const params = z.object({ bulk_id: schema.bulkId })

/** Bulk migrations: start, watch, cancel, retry, report. */
export function bulkRoutes(app: App, context: Context): void {
  startRoute(app, context)
  readRoutes(app, context)
  eventsRoute(app, context)
  changeRoutes(app, context)
  reportRoute(app, context)
}

function startRoute(app: App, context: Context): void {
  const { jobs, vault, store } = context

  app.post(
    '/start',
    {
      schema: {
        tags,
        summary: 'Start to move many repositories of a project',
        body: schema.startBody,
        response: { 202: schema.startAnswer, ...errors(...upstreamErrors, 409, 413) },
      },
    },
    async (request, reply) => {
      const session = await context.sessions.require(request, missingBitbucket)
      const credentials = await credentialsForWork(context, request, session)
      const { bulk_migration_id: id = randomUUID(), source_project: project, source_repositories: repositories, target_owner: owner, visibility } = request.body
      if (await store.bulks.get(id)) throw new HttpProblem(409, 'CONFLICT', `The id ${id} is in use. Choose another one.`)
      const ref = { owner: session.subject, job: randomUUID() }
      const signal = abandoned(reply)
      const bulk = await jobs.withEngine(credentials, async (engine) => {
        const plan = await engine.bulk.plan({ source: { project, repositories }, target: { owner, visibility } }, { signal })
        await vault.hold(ref.owner, ref.job, ownToken(request, credentials))
        try {
          return await engine.bulk.create(plan, { id, owner: session.subject, credentialRef: formatCredentialRef(ref) })
        } catch (error) {
          await vault.release(ref.owner, ref.job)
          throw error
        }
      })
      await jobs.startBulk(bulk)
      void reply.header('location', `/api/v1/migration/bulk/${encodeURIComponent(id)}/status`)
      return reply.code(202).send({
        bulk_migration_id: id, status: bulk.status, message: 'Bulk migration started', total_repositories: bulk.counts.total,
      })
    },
  )
}

function readRoutes(app: App, context: Context): void {
  app.get(
    '/',
    { prefixTrailingSlash: 'no-slash', schema: { tags, summary: 'Bulk migrations of this session, newest first', querystring: schema.listQuery, response: { 200: schema.listAnswer, ...errors(401) } } },
    async (request) => {
      const session = await context.sessions.require(request)
      const { status, limit, cursor } = request.query
      const page = await context.store.bulks.list({
        startedBy: session.subject, limit, ...(status === undefined ? {} : { status }), ...(cursor === undefined ? {} : { cursor }),
      })
      return { bulk_migrations: page.items.map(bulkSummaryOf), cursor: page.cursor ?? null }
    },
  )

  app.get(
    '/:bulk_id/status',
    { schema: { tags, summary: 'Where a bulk migration stands, repository by repository', params, response: { 200: schema.bulkStatus, ...errors(401, 404) } } },
    async (request) => {
      const bulk = await ownBulk(context, await context.sessions.require(request), request.params.bulk_id)
      return bulkStatusOf(bulk, await itemsOf(context, bulk))
    },
  )
}

function eventsRoute(app: App, context: Context): void {
  app.get(
    '/:bulk_id/events',
    {
      exposeHeadRoute: false,
      sse: 'manual',
      schema: {
        tags,
        summary: 'Follow a bulk migration',
        description:
          'Server-Sent Events: `bulk_update`, with the numbers and the repositories that changed; all of them in the first one. ' +
          '`Last-Event-ID` goes on where a reader was: what changed since comes first, as it is by then. The last event has a final status.',
        params,
        response: {
          200: { description: 'The events', content: { 'text/event-stream': { schema: z.string().describe('event: bulk_update, data: BulkMigrationStatus') } } },
          204: z.null().describe('Nothing more to come'),
          ...errors(401, 404),
        },
      },
    },
    async (request, reply) => {
      const session = await context.sessions.require(request)
      const bulk = await ownBulk(context, session, request.params.bulk_id)
      const after = lastEventId(request)
      if (isFinal(bulk.status) && after >= bulk.revision) return reply.code(204).send(null)
      return context.streams.send(request, reply, session, (signal) => updates(context, bulk.id, after, signal))
    },
  )
}

function changeRoutes(app: App, context: Context): void {
  const { jobs, vault } = context

  app.post(
    '/:bulk_id/cancel',
    { schema: { tags, summary: 'Stop a bulk migration', params, response: { 200: schema.changeAnswer, ...errors(401, 403, 404, 409) } } },
    async (request) => {
      const session = await context.sessions.require(request)
      const bulk = await ownBulk(context, session, request.params.bulk_id)
      if (!(await jobs.cancelBulk(bulk))) throw new HttpProblem(409, 'CONFLICT', 'The bulk migration has ended already.')
      const { id, status } = await ownBulk(context, session, bulk.id)
      return { bulk_migration_id: id, status, message: status === 'cancelled' ? 'Bulk migration cancelled' : 'The bulk migration is being cancelled' }
    },
  )

  app.post(
    '/:bulk_id/retry',
    {
      schema: {
        tags,
        summary: 'Try the repositories again that failed or were cancelled, with the credentials of the session',
        params,
        response: { 202: schema.startAnswer, ...errors(401, 403, 404, 409) },
      },
    },
    async (request, reply) => {
      const session = await context.sessions.require(request)
      const { id, status, credentialRef } = await ownBulk(context, session, request.params.bulk_id)
      if (!isFinal(status)) throw new HttpProblem(409, 'CONFLICT', `The bulk migration is ${status}; it can be tried again when it has ended.`)
      const credentials = await credentialsForWork(context, request, session)
      const ref = parseCredentialRef(credentialRef)
      if (!ref) throw new HttpProblem(409, 'CONFLICT', 'The bulk migration was not started by this server.')
      await vault.hold(ref.owner, ref.job, ownToken(request, credentials))
      const again = await jobs.withEngine(credentials, (engine) => engine.bulk.retry(id))
      if (again === 0) {
        await vault.release(ref.owner, ref.job)
        throw new HttpProblem(409, 'CONFLICT', 'Every repository is completed; there is nothing to try again.')
      }
      await jobs.startBulk({ id })
      void reply.header('location', `/api/v1/migration/bulk/${encodeURIComponent(id)}/status`)
      return reply.code(202).send({ bulk_migration_id: id, status: 'pending' as const, message: 'Bulk migration started again', total_repositories: again })
    },
  )
}

function reportRoute(app: App, context: Context): void {
  app.get(
    '/:bulk_id/report',
    {
      schema: {
        tags,
        summary: 'What became of each repository, as JSON, CSV or HTML',
        params,
        querystring: schema.reportQuery,
        response: {
          200: {
            description: 'The report',
            content: {
              'application/json': { schema: schema.report },
              'text/csv': { schema: z.string() },
              'text/html': { schema: z.string() },
            },
          },
          ...errors(401, 404),
        },
      },
    },
    async (request, reply) => {
      const bulk = await ownBulk(context, await context.sessions.require(request), request.params.bulk_id)
      const accept = request.headers.accept ?? ''
      const format = request.query.format ?? (accept.includes('text/csv') ? 'csv' : accept.includes('text/html') ? 'html' : 'json')
      if (format === 'json') return reply.send(bulkReportOf(bulk, await itemsOf(context, bulk)))
      if (format === 'csv') void reply.header('content-disposition', `attachment; filename="${bulk.id}.csv"`)
      // The page brings its own styles and nothing else.
      else void reply.header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'")
      const text = Readable.from(bulkReport(context.store, bulk.id, format), { objectMode: false })
      // A stream is sent as it is; the schema says what it carries.
      return reply.type(`text/${format}; charset=utf-8`).send(text as unknown as string)
    },
  )
}

/** The record, if the session started the bulk migration; whoever did not learns nothing, not even that there is one. */
async function ownBulk({ store }: Context, { subject }: Session, id: string): Promise<BulkRecord> {
  const bulk = await store.bulks.get(id)
  if (bulk?.owner === subject) return bulk
  throw notFound('This bulk migration')
}

async function itemsOf({ store }: Context, { id }: BulkRecord): Promise<BulkItem[]> {
  const items: BulkItem[] = []
  for await (const item of bulkItems(store.bulks, id)) items.push(item)
  return items
}

/** Revisions number the events: they grow, and say what changed since. */
async function* updates(context: Context, id: string, after: number, signal: AbortSignal): AsyncGenerator<StreamEvent> {
  const event = (bulk: BulkRecord, items: readonly BulkItem[]): StreamEvent => ({
    id: String(bulk.revision), event: 'bulk_update', data: JSON.stringify(bulkStatusOf(bulk, items)),
  })
  let last = after
  if (after === 0) {
    const bulk = await context.store.bulks.get(id)
    if (!bulk) return
    last = bulk.revision
    // A change between the two reads comes again with its own event; states can be told twice, never missed.
    yield event(bulk, await itemsOf(context, bulk))
  }
  let changed: BulkItem[] = []
  for await (const change of followBulk(context.store.bulks, id, { after: last, follow: true, signal })) {
    if (change.type === 'bulk-item') changed.push(change.item)
    else {
      yield event(change.bulk, changed)
      changed = []
    }
  }
}
