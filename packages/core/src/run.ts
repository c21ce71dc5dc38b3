import type { BitbucketClient } from '@saddle/bitbucket-client'
import type { GitHubClient } from '@saddle/github-client'
import { abortError, SaddleError, throwIfAborted, type RetryOptions } from '@saddle/transport'
import type { ProgressEvent, ProgressEventBody } from './events.ts'
import type { ChosenBackend } from './git/choose.ts'
import { Journal } from './journal.ts'
import { sameLoss, type Loss } from './ledger.ts'
import { creationKey, isOurs, type OwnershipFacts } from './ownership.ts'
import type { PlannedProblem } from './plan.ts'
import type { FinalStatus, MigrationRecord, StepRecord } from './record.ts'
import { sourceName, targetName } from './request.ts'
import { RunLog } from './run-log.ts'
import { emptySnapshot, reduce } from './snapshot.ts'
import { Inspection } from './steps/inspection.ts'
import { steps } from './steps/index.ts'
import type { CreationRights } from './steps/creation-rights.ts'
import type { RunContext, Step, StepResults } from './steps/step.ts'
import type { Lease, MigrationStore } from './store/store.ts'
import { Telemetry } from './telemetry.ts'

/** What a run needs. */
export interface RunOptions {
  store: MigrationStore
  bitbucket: BitbucketClient
  github: GitHubClient
  rights: CreationRights
  git: ChosenBackend
  packBytes: number
  retry: RetryOptions
  record: MigrationRecord
  lease: Lease
  /** Migrations that the store remembers, of the same source to the same target, newest first. */
  earlier: readonly MigrationRecord[]
  signal: AbortSignal
  /** Stops the run from within. */
  abort: (reason: unknown) => void
  redact: <T>(value: T) => T
  emit: (event: ProgressEvent) => void
}

/** One run of a migration: its first, or one that continues where another ended or died. Made for being used once. */
export class Run {
  readonly #options: RunOptions
  readonly #startedAt = performance.now()
  readonly #steps: StepRecord[] = steps.map(({ name }) => ({ name, status: 'pending' }))
  readonly #results: StepResults
  readonly #telemetry = new Telemetry()
  #losses: Loss[] = []
  #log!: RunLog
  #context!: RunContext
  #over = false

  constructor(options: RunOptions) {
    this.#options = options
    this.#results = { transferred: { ...options.record.transferred } }
  }

  /**
   * Runs all steps and stores how it ended.
   *
   * @throws SaddleError why it failed or was cancelled, with the migration's id in its context
   */
  execute(): Promise<void> {
    const { id, request } = this.#options.record
    return this.#telemetry.run(id, request, () => this.#execute())
  }

  /** Reports what happens on the way; nothing any more once the run is over, whatever is still under way then. */
  readonly report = (event: ProgressEventBody): void => {
    if (!this.#over) this.#log.report(event)
  }

  async #execute(): Promise<void> {
    await this.#begin()
    try {
      for (const step of steps) await this.#telemetry.step(step.name, () => this.#step(step))
      await this.#end('completed')
    } catch (thrown) {
      const error = this.#failureOf(thrown)
      if (error.code === 'LEASE_LOST') {
        // Whoever has the lease now says how it ends.
        this.#over = true
        await this.#log.abandon()
        throw this.#told(error)
      }
      const told = this.#told(error, await this.#circumstances(error))
      // A store that cannot be written to fails again here, and the first error is the one that counts.
      await this.#end(error.code === 'ABORTED' ? 'cancelled' : 'failed', told).catch(() => this.#log.abandon())
      throw told
    }
  }

  async #begin(): Promise<void> {
    const { store, record, lease, redact, emit, abort, bitbucket, github, rights, git, packBytes, retry, earlier, signal } = this.#options
    const { id, request } = record
    let snapshot = emptySnapshot()
    for await (const event of store.events(id)) snapshot = reduce(snapshot, event)
    const resumed = snapshot.seq > 0
    // What the record says is durable before each remote write, so that a resumed run knows at least what this one knew.
    const journal = await Journal.open({ store, id, fence: lease, withIntent: () => this.#log.flush() })
    const remembered = earlier.find(({ status }) => status === 'completed')
    const ownership: OwnershipFacts = { record, journal: journal.entries, earlier }
    this.#log = new RunLog({ store, id, fence: lease, snapshot, redact, emit, onFailure: abort })
    this.#context = {
      id, request, bitbucket, github, rights, git, packBytes, retry, journal, ownership, remembered, signal,
      inspection: new Inspection({ bitbucket, github, request, thorough: remembered === undefined, signal }),
      report: this.report,
      telemetry: this.#telemetry,
      lose: (loss) => this.#lose(loss),
      results: this.#results,
    }
    this.#log.change({
      status: 'in_progress',
      startedAt: record.startedAt ?? new Date().toISOString(),
      endedAt: undefined,
      error: undefined,
      cancelRequested: undefined,
      refs: undefined,
      lfs: undefined,
      losses: [],
      steps: [...this.#steps],
      gitBackend: { name: git.backend.name, reason: git.reason },
    })
    this.#log.report({ type: 'migration-start', source: sourceName(request), target: targetName(request), resumed })
    await this.#log.flush()
  }

  async #step(step: Step): Promise<void> {
    const index = steps.indexOf(step) + 1
    const place = { step: step.name, index, total: steps.length }
    const started = performance.now()
    const startedAt = new Date().toISOString()
    throwIfAborted(this.#options.signal)
    this.#markStep(index - 1, { name: step.name, status: 'running', startedAt })
    this.#log.report({ type: 'step-start', ...place })
    let outcome: 'done' | 'skipped' | 'failed' = 'failed'
    try {
      const { actions, losses = [], problems = [] } = await step.plan(this.#context)
      for (const loss of losses) this.#lose(loss)
      this.#judge(problems)
      if (actions.length > 0) await step.run(this.#context)
      outcome = actions.length > 0 ? 'done' : 'skipped'
    } finally {
      this.#noteTarget()
      this.#log.report({ type: 'step-end', ...place, durationMs: Math.round(performance.now() - started), outcome })
      const status = outcome === 'failed' ? 'failed' : 'done'
      this.#markStep(index - 1, { name: step.name, status, startedAt, endedAt: new Date().toISOString() })
      this.#log.change({ ...this.#results })
    }
  }

  /** Warnings are told; errors end the run. */
  #judge(problems: readonly PlannedProblem[]): void {
    for (const { severity, message } of problems) {
      if (severity === 'warning') this.#log.report({ type: 'message', level: 'warning', text: message })
    }
    const errors = problems.filter(({ severity }) => severity === 'error')
    const [first] = errors
    if (!first) return
    const refs = errors.flatMap((error) => error.refs ?? [])
    throw new SaddleError(first.code, errors.map(({ message }) => message).join(' '), { context: refs.length ? { refs } : {} })
  }

  #lose(loss: Loss): void {
    if (this.#losses.some((known) => sameLoss(known, loss))) return
    this.#losses = [...this.#losses, loss]
    this.#log.report({ type: 'loss', loss })
    this.#log.change({ losses: this.#losses })
  }

  #markStep(index: number, step: StepRecord): void {
    this.#steps[index] = step
    this.#log.change({ steps: [...this.#steps] })
  }

  /** Once the target is known, the record says which it is. Asks nobody. */
  #noteTarget(): void {
    const target = this.#context.inspection.knownTarget()
    if (!target) return
    // Once known it stays known, also when the real description has taken the marker's place.
    const known = this.#results.targetRepository
    const created = (known?.id === target.id && known.created) || isOurs(target, this.#context.ownership)
    this.#results.targetRepository = { id: target.id, created, url: target.htmlUrl }
  }

  async #end(status: FinalStatus, error?: SaddleError): Promise<void> {
    const durationMs = Math.round(performance.now() - this.#startedAt)
    const failure = error ? { error: error.toJSON() } : {}
    this.#over = true
    this.#log.report({ type: 'migration-end', status, durationMs, ...failure })
    this.#log.change({ status, endedAt: new Date().toISOString(), ...this.#results, ...failure })
    await this.#log.flush()
  }

  /** What was thrown, or why the run was stopped: that comes first, since whatever is thrown after an abort follows from it. */
  #failureOf(thrown: unknown): SaddleError {
    const { signal } = this.#options
    return signal.aborted ? abortError(signal) : SaddleError.from(thrown)
  }

  /** The error as callers get it: with the names of what it concerns, and what was left at the target. */
  #told(error: SaddleError, more: readonly string[] = []): SaddleError {
    const { record: { id, request }, redact } = this.#options
    return new SaddleError(error.code, redact([error.message, ...more].join(' ')), {
      cause: error,
      retryable: error.retryable,
      context: redact({ ...error.context, migrationId: id, source: sourceName(request), target: targetName(request) }),
    })
  }

  async #circumstances(error: SaddleError): Promise<string[]> {
    const { github, request, journal } = this.#context
    const sentences: string[] = []
    const atTarget = error.context.host === github.baseUrl.host || error.context.host === github.webUrl.host
    if (error.code === 'FORBIDDEN' && atTarget && !this.#options.signal.aborted) {
      const { owner, name } = request.target
      const access = await github.checkAccess(owner, name, { signal: this.#options.signal }).catch(() => undefined)
      sentences.push(...(access?.missing ?? []).filter((sentence) => !error.message.includes(sentence)))
    }
    const target = targetName(request)
    const { targetRepository, refs } = this.#results
    const moved = (refs?.created ?? 0) + (refs?.updated ?? 0) + (refs?.deleted ?? 0)
    if (targetRepository?.created) {
      sentences.push(`The repository ${target}, which Saddle created, stays at the target${moved ? ' with what arrived' : ''}. Run the migration again to continue, or delete it.`)
    } else if (error.code !== 'INVALID_INPUT' && journal.entries.some(({ key }) => key === creationKey)) {
      sentences.push(`Whether ${target} was created is not known; running the migration again finds out.`)
    } else if (moved) {
      sentences.push(`Refs of ${target} that had been moved stay moved (${moved}).`)
    }
    return sentences
  }
}
