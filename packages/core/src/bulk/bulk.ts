import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { BitbucketClient } from '@saddle/bitbucket-client'
import { gitHubLimits, type GitHubClient } from '@saddle/github-client'
import { SaddleError } from '@saddle/transport'
import { isFinal, type MigrationRecord } from '../record.ts'
import type { MigrationRequest, NormalizedRequest } from '../request.ts'
import { bulkFailures } from './failures.ts'
import { followBulk, type BulkEventQuery } from './follow.ts'
import { bulkItems } from './items.ts'
import { planBulk, type BulkPlan } from './plan.ts'
import type { PlannedItem } from './problems.ts'
import type { BulkEvent, BulkItem, BulkRecord, BulkReport } from './record.ts'
import type { BulkRequest } from './request.ts'
import { runBulk, type RunBulkOptions } from './run.ts'
import { cancelWaiting, finishBulk, settle } from './settle.ts'
import type { BulkItemQuery, BulkPage, BulkQuery, NewBulkItem } from './store.ts'
import type { BulkParts } from './work.ts'

/** How a bulk migration is filed. */
export interface CreateBulkOptions {
  /** A UUID by default. */
  id?: string | undefined
  /** Opaque: who starts it. */
  owner?: string | undefined
  /** The same key from the same owner, for the same repositories, gives the same bulk migration. */
  idempotencyKey?: string | undefined
  /** How many repositories at once; by default whoever runs it decides. */
  concurrency?: number | undefined
  /** Where workers find the credentials. Never a credential. */
  credentialRef?: string | undefined
  signal?: AbortSignal | undefined
}

interface Servers {
  bitbucket: BitbucketClient
  github: GitHubClient
  /** What the store remembers of the same source and target. */
  earlier: (request: NormalizedRequest) => Promise<MigrationRecord[]>
}

/** Bulk migrations: many repositories at once, remembered in the engine's store. Every method fails with a {@link SaddleError}. */
export class BulkMigrations {
  readonly #parts: BulkParts & Servers
  readonly #active = new Map<string, { stop: AbortController; settled: Promise<unknown> }>()

  constructor(parts: BulkParts & Servers) {
    this.#parts = parts
  }

  /** What a request comes down to, repository by repository, and everything that is in the way. Only reads. */
  plan(request: BulkRequest, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<BulkPlan> {
    return planBulk(request, { ...this.#parts, signal })
  }

  /**
   * Files a bulk migration without running it.
   *
   * @param request - a request, or its plan
   * @throws SaddleError `INVALID_INPUT` when its plan has problems that are errors (all are named); `CONFLICT` for an id
   * that is taken, and for an idempotency key that came with other repositories before
   */
  async create(request: BulkRequest | BulkPlan, options: CreateBulkOptions = {}): Promise<BulkRecord> {
    const { bulks } = this.#parts.store
    const plan = 'problems' in request ? request : await this.plan(request, { signal: options.signal })
    refuseProblems(plan)
    const { id = randomUUID(), owner, idempotencyKey, concurrency, credentialRef } = options
    const known = await this.#byIdempotencyKey(plan.items, owner, idempotencyKey)
    if (known) return known
    const now = new Date().toISOString()
    const { creations = [] } = gitHubLimits(this.#parts.github.baseUrl)
    const limited = creations.length > 0 && plan.items.some(({ request: { target } }) => !target.existing)
    await bulks.create(
      {
        id,
        label: plan.label,
        status: 'pending',
        createdAt: now,
        updatedAt: now,
        ...(owner === undefined ? {} : { owner }),
        ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
        ...(concurrency === undefined ? {} : { concurrency }),
        ...(credentialRef === undefined ? {} : { credentialRef }),
        ...(limited ? { creationLimits: [...creations] } : {}),
      },
      newItems(plan.items),
    )
    return this.#existing(id)
  }

  /**
   * Runs a bulk migration in this process, or continues one that ended early or whose process died. What is completed is
   * not touched again. Resolves when every repository has an outcome; a repository's failure is in the report.
   *
   * @throws SaddleError `NOT_FOUND`; `MIGRATION_RUNNING` while another process runs it; `ABORTED` when it is cancelled
   */
  async run(id: string, options: RunBulkOptions = {}): Promise<BulkReport> {
    const stop = new AbortController()
    const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal
    const settled = runBulk(this.#parts, id, { ...options, signal })
    this.#active.set(id, { stop, settled })
    try {
      await settled
    } finally {
      if (this.#active.get(id)?.stop === stop) this.#active.delete(id)
    }
    return this.report(id)
  }

  /** Files and runs: {@link create}, then {@link run}. */
  async migrateAll(
    request: BulkRequest | BulkPlan | readonly MigrationRequest[],
    options: CreateBulkOptions & RunBulkOptions = {},
  ): Promise<BulkReport> {
    const { id } = await this.create(isList(request) ? { requests: request } : request, options)
    return this.run(id, options)
  }

  /**
   * Stops a bulk migration, wherever it runs: what waits does not begin, what is under way is cancelled.
   *
   * @returns false when it had ended already
   */
  async cancel(id: string): Promise<boolean> {
    const { store, engine } = this.#parts
    if (isFinal((await this.#existing(id)).status)) return false
    await store.bulks.update(id, { cancelRequested: true })
    await cancelWaiting(store, id)
    this.#active.get(id)?.stop.abort(bulkFailures.cancelled())
    for await (const item of this.items(id, { status: ['in_progress'] })) {
      if (!(await store.getMigration(item.migrationId))) continue
      await engine.cancel(item.migrationId)
      const record = await store.getMigration(item.migrationId)
      // Nobody was working on it, so nobody else will say how it ended.
      if (record && isFinal(record.status)) await settle(store, id, item, item.attempts)
    }
    await finishBulk(store, id)
    return true
  }

  /**
   * Makes the repositories that failed or were cancelled wait again; {@link run} then tries them. What is completed
   * stays as it is.
   *
   * @returns how many
   * @throws SaddleError `MIGRATION_RUNNING` while it has not ended
   */
  async retry(id: string): Promise<number> {
    const { bulks } = this.#parts.store
    if (!isFinal((await this.#existing(id)).status)) throw bulkFailures.running(id)
    const change = { status: 'pending', percentage: 0, stepsCompleted: 0, error: undefined, endedAt: undefined, message: 'Waiting to be tried again' } as const
    const count = await bulks.updateItems(id, ['failed', 'cancelled'], change)
    if (count > 0) await bulks.update(id, { status: 'pending', cancelRequested: undefined, endedAt: undefined })
    return count
  }

  /** The record; undefined for an unknown id. */
  get(id: string): Promise<BulkRecord | undefined> {
    return this.#parts.store.bulks.get(id)
  }

  /** Bulk migrations, newest first, page by page. */
  list(query: BulkQuery = {}): Promise<BulkPage> {
    return this.#parts.store.bulks.list(query)
  }

  /** The repositories of a bulk migration in the order of work. */
  items(id: string, query: Pick<BulkItemQuery, 'status'> = {}): AsyncIterable<BulkItem> {
    return bulkItems(this.#parts.store.bulks, id, query)
  }

  /** Its changes from the store; with `follow`, until it ends, whichever process runs it. */
  events(id: string, query: BulkEventQuery = {}): AsyncIterable<BulkEvent> {
    return followBulk(this.#parts.store.bulks, id, query)
  }

  /** The record with all repositories. */
  async report(id: string): Promise<BulkReport> {
    const items: BulkItem[] = []
    for await (const item of this.items(id)) items.push(item)
    return { ...(await this.#existing(id)), items }
  }

  /** Cancels what runs in this process, and waits for it. */
  async close(): Promise<void> {
    const active = [...this.#active.values()]
    for (const { stop } of active) stop.abort(bulkFailures.cancelled())
    await Promise.allSettled(active.map(({ settled }) => settled))
  }

  async #existing(id: string): Promise<BulkRecord> {
    const record = await this.get(id)
    if (!record) throw bulkFailures.unknown(id)
    return record
  }

  async #byIdempotencyKey(items: readonly PlannedItem[], owner: string | undefined, key: string | undefined): Promise<BulkRecord | undefined> {
    if (key === undefined) return undefined
    const { items: [known] } = await this.list({ idempotencyKey: key, ...(owner === undefined ? {} : { startedBy: owner }), limit: 1 })
    if (!known) return undefined
    const requests: unknown[] = []
    for await (const { request } of this.items(known.id)) requests.push(request)
    const byTarget = (list: readonly unknown[]) => new Set(list.map((request) => JSON.stringify(request)))
    if (isDeepStrictEqual(byTarget(requests), byTarget(items.map(({ request }) => request)))) return known
    throw new SaddleError('CONFLICT', 'This idempotency key came with other repositories before. Use a new key for a new request.', {
      context: { option: 'idempotencyKey' },
    })
  }
}

const isList = (request: object): request is readonly MigrationRequest[] => Array.isArray(request)

function refuseProblems({ problems }: BulkPlan): void {
  const errors = problems.filter(({ severity }) => severity === 'error')
  const [first] = errors
  if (!first) return
  const shown = errors.slice(0, 20).map(({ message }) => message)
  const more = errors.length > shown.length ? [`And ${errors.length - shown.length} more.`] : []
  throw new SaddleError('INVALID_INPUT', ['Nothing was started.', ...shown, ...more].join(' '), {
    context: first.sources[0] === undefined ? {} : { source: first.sources[0] },
  })
}

/** Work that a repository takes whatever its size, in KiB: requests take time, too. */
const baseWeight = 256

function newItems(items: readonly PlannedItem[]): NewBulkItem[] {
  const sizes = items.flatMap(({ sizeBytes }) => sizeBytes ?? [])
  const usual = sizes.length ? sizes.reduce((sum, size) => sum + size, 0) / sizes.length : 0
  return items.map(({ request, sizeBytes }) => ({
    request,
    migrationId: randomUUID(),
    status: 'pending',
    attempts: 0,
    percentage: 0,
    stepsCompleted: 0,
    message: 'Waiting to start',
    bytes: 0,
    weight: baseWeight + Math.ceil((sizeBytes ?? usual) / 1024),
    losses: 0,
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
  }))
}
