// The library's face: a third of it is documentation, and each method hands on to the file that does the work.
import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { BitbucketClient } from '@saddle/bitbucket-client'
import type { GitHubClient } from '@saddle/github-client'
import { abortError, SafeEmitter, SaddleError, type CallOptions, type RetryOptions } from '@saddle/transport'
import { BulkMigrations, type BulkPlan, type BulkReport, type BulkRequest, type CreateBulkOptions, type RunBulkOptions } from './bulk/index.ts'
import { engineDefaults, type MigrationEngineOptions } from './engine-options.ts'
import type { EngineEvents, ProgressEvent } from './events.ts'
import { FiledMigrations, type CreateOptions } from './filed.ts'
import type { GitBackend } from './git/backend.ts'
import { chooseBackend } from './git/choose.ts'
import { takeInventory, type InventoryOptions, type InventoryRow } from './inventory.ts'
import { cancelled, LeaseKeeper, runningElsewhere, takeLease, withMigration } from './lease.ts'
import { ClientNotices } from './notices.ts'
import type { MigrationPlan, VerificationResult } from './plan.ts'
import { planMigration, verifyMigration } from './planning.ts'
import { isFinal, type MigrationRecord, type MigrationReport } from './record.ts'
import { normalizeRequest, parseRequest, type MigrationRequest, type NormalizedRequest } from './request.ts'
import { RunLog } from './run-log.ts'
import { Run } from './run.ts'
import { emptySnapshot, reduce } from './snapshot.ts'
import { CreationRights } from './steps/creation-rights.ts'
import { Inspection } from './steps/inspection.ts'
import type { StepContext } from './steps/step.ts'
import { MemoryStore } from './store/memory.ts'
import type { EventQuery, Lease, MigrationPage, MigrationQuery, MigrationStore } from './store/store.ts'

/** A run that is under way in this engine. */
interface ActiveRun {
  leaseKey: string
  controller: AbortController
  settled: Promise<unknown>
}

/**
 * Moves repositories from Bitbucket Data Center to GitHub, and keeps them up to date.
 *
 * Every method fails with a {@link SaddleError}. Events are the union {@link ProgressEvent}, as `progress` and under the
 * name of their type. The promise carries a failure; an event only tells of it.
 *
 * @example
 * ```ts
 * import { BitbucketClient, GitHubClient, MigrationEngine } from '@saddle/core'
 *
 * const engine = new MigrationEngine({
 *   bitbucket: new BitbucketClient({ baseUrl: 'https://bitbucket.example.com', auth: { token: bitbucketToken } }),
 *   github: new GitHubClient({ auth: { token: githubToken } }),
 * })
 * const report = await engine.migrate({ source: { project: 'PRJ', repository: 'app' }, target: { owner: 'acme' } })
 * console.log(report.refs?.verified, 'refs are equal;', report.losses.length, 'things stayed behind')
 * ```
 */
export class MigrationEngine extends SafeEmitter<EngineEvents> {
  readonly #bitbucket: BitbucketClient
  readonly #github: GitHubClient
  readonly #git: GitBackend | 'auto'
  readonly #store: MigrationStore
  readonly #filed: FiledMigrations
  readonly #leaseMs: number
  readonly #packBytes: number
  readonly #retry: RetryOptions
  readonly #notices: ClientNotices
  readonly #rights: CreationRights
  readonly #active = new Map<string, ActiveRun>()
  /** Many repositories at once. */
  readonly bulk: BulkMigrations

  constructor(options: MigrationEngineOptions) {
    super()
    this.#bitbucket = options.bitbucket
    this.#github = options.github
    this.#git = options.git ?? 'auto'
    this.#store = options.store ?? new MemoryStore()
    this.#filed = new FiledMigrations(this.#store, { source: options.bitbucket.baseUrl.host, target: options.github.baseUrl.host })
    this.#leaseMs = options.leaseMs ?? engineDefaults.leaseMs
    this.#packBytes = options.packBytes ?? engineDefaults.packBytes
    this.#retry = options.retry ?? {}
    this.#notices = new ClientNotices([options.bitbucket, options.github])
    this.#rights = new CreationRights(options.github)
    this.bulk = new BulkMigrations({
      engine: this, store: this.#store, bitbucket: this.#bitbucket, github: this.#github, earlier: (request) => this.#filed.earlier(request),
    })
  }

  /**
   * What a migration would do and what would be lost. Only reads, at both servers and in the store. What is in the way is
   * part of the plan; it fails only when the source cannot be read at all.
   */
  async plan(request: MigrationRequest, { signal }: CallOptions = {}): Promise<MigrationPlan> {
    const normalized = normalizeRequest(parseRequest(request))
    return planMigration(await this.#context(normalized, signal))
  }

  /**
   * Moves a repository, or brings the target up to date with it. An unfinished migration of the same source to the same
   * target is continued, with the options given now; otherwise a new one is filed.
   *
   * @returns the record of the completed migration
   * @throws SaddleError with `context.migrationId` when it failed, or was cancelled (`ABORTED`): the record is in the store
   */
  async migrate(request: MigrationRequest, options: CreateOptions & CallOptions = {}): Promise<MigrationReport> {
    const normalized = normalizeRequest(parseRequest(request))
    const record = (await this.#filed.unfinished(normalized, options)) ?? (await this.#filed.create(normalized, options))
    return this.#run(record.id, { signal: options.signal, again: normalized })
  }

  /**
   * Moves many repositories: files a bulk migration and runs it. One repository's failure stops no other and is in the
   * report.
   *
   * @throws SaddleError `INVALID_INPUT` before anything starts, for unknown repositories, duplicates, names that collide and
   * names that the target has already; `ABORTED` when it is cancelled
   */
  migrateAll(
    request: BulkRequest | BulkPlan | readonly MigrationRequest[],
    options: CreateBulkOptions & RunBulkOptions = {},
  ): Promise<BulkReport> {
    return this.bulk.migrateAll(request, options)
  }

  /**
   * Files a migration without running it. Checks the request itself, not the servers.
   *
   * @throws SaddleError `INVALID_INPUT`; `CONFLICT` for an id that is taken, and for an idempotency key that came with
   * another request before
   */
  async create(request: MigrationRequest, options: CreateOptions = {}): Promise<MigrationRecord> {
    return this.#filed.create(normalizeRequest(parseRequest(request)), options)
  }

  /**
   * Runs a migration that was filed, or continues one that failed or whose process died. A completed one is returned as it
   * is. One that was cancelled stays so: {@link resume} takes it up again.
   *
   * @throws SaddleError as {@link migrate}; `NOT_FOUND`; `MIGRATION_RUNNING` while another run works on its target
   */
  run(id: string, { signal }: CallOptions = {}): Promise<MigrationReport> {
    return this.#run(id, { signal })
  }

  /** Like {@link run}, also when somebody cancelled it before. */
  async resume(id: string, { signal }: CallOptions = {}): Promise<MigrationReport> {
    return this.#run(id, { signal, again: (await this.#filed.existing(id)).request })
  }

  /**
   * Stops a migration: at once when it runs in this engine, within its lease's renewal when it runs elsewhere, and when its
   * process died as soon as its lease is over and it is run or cancelled again. What has arrived stays.
   *
   * @returns false when it had ended already
   * @throws SaddleError `NOT_FOUND`
   */
  async cancel(id: string): Promise<boolean> {
    const active = this.#active.get(id)
    if (active) {
      active.controller.abort(cancelled())
      return true
    }
    const record = await this.#filed.existing(id)
    if (isFinal(record.status)) return false
    const lease = await this.#store.acquireLease(this.#filed.leaseKey(record.request), `cancel ${randomUUID()}`, this.#leaseMs)
    if (!lease) {
      await this.#store.updateMigration(id, { cancelRequested: true })
      return true
    }
    try {
      const current = await this.#filed.existing(id)
      if (isFinal(current.status)) return false
      await this.#endCancelled(current, lease)
      return true
    } finally {
      await this.#store.releaseLease(lease)
    }
  }

  /**
   * Compares source and target as they are now, without changing either.
   *
   * @throws SaddleError `NOT_FOUND` when one of them does not exist
   */
  async verify(request: MigrationRequest, { signal }: CallOptions = {}): Promise<VerificationResult> {
    const normalized = normalizeRequest(parseRequest(request))
    return verifyMigration(await this.#context(normalized, signal, false))
  }

  /** One migration's record. */
  get(id: string): Promise<MigrationRecord | undefined> {
    return this.#store.getMigration(id)
  }

  /** Migrations, newest first, page by page. */
  history(query: MigrationQuery = {}): Promise<MigrationPage> {
    return this.#store.listMigrations(query)
  }

  /** A migration's events from the store; with `follow`, until it ends, whichever process runs it. */
  events(id: string, query: EventQuery = {}): AsyncIterable<ProgressEvent> {
    return this.#store.events(id, query)
  }

  /** What is on the source, repository by repository, with what would become of it. Only reads. */
  inventory(options: InventoryOptions = {}): AsyncIterable<InventoryRow> {
    return takeInventory(this.#bitbucket, options)
  }

  /** Cancels what runs in this engine, and waits for it. The clients and a store that was given stay open. */
  async close(): Promise<void> {
    await this.bulk.close()
    const active = [...this.#active.values()]
    for (const { controller } of active) controller.abort(cancelled())
    await Promise.allSettled(active.map(({ settled }) => settled))
  }

  /** @param options - `again`: somebody wants it run whatever was before, with this request */
  async #run(id: string, { signal, again }: CallOptions & { again?: NormalizedRequest }): Promise<MigrationReport> {
    const record = await this.#filed.existing(id)
    if (record.status === 'completed') return record
    this.#filed.checkHosts(record)
    const leaseKey = this.#filed.leaseKey(record.request)
    if ([...this.#active.values()].some((active) => active.leaseKey === leaseKey)) throw runningElsewhere(leaseKey)
    const controller = new AbortController()
    const abort = () => controller.abort(signal && abortError(signal))
    if (signal?.aborted) abort()
    signal?.addEventListener('abort', abort, { once: true })
    const running = this.#runLeased(record, leaseKey, controller, again)
    this.#active.set(id, { leaseKey, controller, settled: running })
    try {
      return await running
    } finally {
      this.#active.delete(id)
      signal?.removeEventListener('abort', abort)
    }
  }

  async #runLeased(record: MigrationRecord, leaseKey: string, controller: AbortController, again?: NormalizedRequest): Promise<MigrationReport> {
    const { id } = record
    const { signal } = controller
    const abort = (reason: unknown) => controller.abort(SaddleError.from(reason))
    const git = chooseBackend((again ?? record.request).options.git, this.#git)
    const ttlMs = this.#leaseMs
    const lease = await takeLease(this.#store, leaseKey, randomUUID(), { ttlMs, signal }).catch((error: unknown) => {
      throw withMigration(error, id)
    })
    const keeper = new LeaseKeeper({
      store: this.#store,
      lease,
      ttlMs,
      lostText: `Another process took over the work on ${lease.key}; this one was silent for too long and stops. The migration goes on there.`,
      cancellation: async () => ((await this.#store.getMigration(id))?.cancelRequested ? cancelled() : undefined),
      abort,
    })
    try {
      // It may have gone on elsewhere until the lease was free.
      const current = await this.#filed.existing(id)
      if (current.status === 'completed') return current
      if (again && !isDeepStrictEqual(again, current.request)) {
        await this.#store.updateMigration(id, { request: again }, lease)
        current.request = again
      }
      if (!again && (current.cancelRequested || current.status === 'cancelled')) {
        if (!isFinal(current.status)) await this.#endCancelled(current, lease)
        throw withMigration(cancelled(), id)
      }
      const run = new Run({
        store: this.#store,
        bitbucket: this.#bitbucket,
        github: this.#github,
        rights: this.#rights,
        git,
        packBytes: this.#packBytes,
        retry: this.#retry,
        record: current,
        lease,
        earlier: await this.#filed.earlier(current.request, id),
        signal,
        abort,
        redact: this.#redact,
        emit: this.#emitProgress,
      })
      await this.#notices.during({ request: current.request, report: run.report }, () => run.execute())
      return await this.#filed.existing(id)
    } finally {
      await keeper.stop()
    }
  }

  /** Ends a migration that nobody runs. */
  async #endCancelled({ id }: MigrationRecord, lease: Lease): Promise<void> {
    let snapshot = emptySnapshot()
    for await (const event of this.#store.events(id)) snapshot = reduce(snapshot, event)
    const error = withMigration(cancelled(), id).toJSON()
    const log = new RunLog({
      store: this.#store, id, fence: lease, snapshot, redact: this.#redact, emit: this.#emitProgress, onFailure: () => undefined,
    })
    log.report({ type: 'migration-end', status: 'cancelled', durationMs: 0, error })
    log.change({ status: 'cancelled', endedAt: new Date().toISOString(), error, cancelRequested: undefined })
    await log.flush()
  }

  async #context(request: NormalizedRequest, signal = new AbortController().signal, thorough = true): Promise<StepContext> {
    const [bitbucket, github] = [this.#bitbucket, this.#github]
    const earlier = await this.#filed.earlier(request)
    return {
      request,
      bitbucket,
      github,
      inspection: new Inspection({ bitbucket, github, request, thorough, signal }),
      rights: this.#rights,
      ownership: { journal: [], earlier },
      remembered: earlier.find(({ status }) => status === 'completed'),
      signal,
    }
  }

  readonly #redact = <T>(value: T): T => this.#github.redactor.redactValue(this.#bitbucket.redactor.redactValue(value))

  readonly #emitProgress = (event: ProgressEvent): void => {
    this.emit('progress', event)
    this.emit(event.type, event)
  }
}
