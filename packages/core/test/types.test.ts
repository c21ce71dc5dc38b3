import { expect, test } from 'vitest'
import type { NativeBackendOptions } from '../src/git/native.ts'
import {
  BitbucketClient, GitHubClient, MemoryStore, MigrationEngine, SaddleError, TeamsManager, emptySnapshot, errorCodes, lossKinds, reduce, stepNames,
  type ErrorCode, type GitBackend, type LossKind, type MigrationRecord, type MigrationRequest, type MigrationStatus, type ProgressEvent, type StepName,
} from '../src/index.ts'

// What must not compile: the type check of the workspace fails when a line below an expectation does. Nothing here runs.
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const holds = <_Claim extends true>(): void => undefined
/** Takes values of exactly one type. */
const exactly = <Wanted>() => <Given>(_value: Given, ..._otherwise: Equal<Wanted, Given> extends true ? [] : [never]): void => undefined
declare const engine: MigrationEngine
declare const record: MigrationRecord
declare const event: ProgressEvent

export function clients(): void {
  new BitbucketClient({ baseUrl: 'https://host', auth: { token: 'x' } })
  new BitbucketClient({ baseUrl: 'https://host', auth: { username: 'ada', password: 'x' } })
  // @ts-expect-error a source without an address
  new BitbucketClient({ auth: { token: 'x' } })
  // @ts-expect-error a user without a password
  new BitbucketClient({ baseUrl: 'https://host', auth: { username: 'ada' } })
  // @ts-expect-error an App without its key
  new GitHubClient({ auth: { appId: 1 } })
  // @ts-expect-error emitting is the client's own business
  engine.emit('progress', event)
}

export function engines(bitbucket: BitbucketClient, github: GitHubClient): void {
  new MigrationEngine({ bitbucket, github, store: new MemoryStore(), git: 'auto' })
  // @ts-expect-error no target
  new MigrationEngine({ bitbucket })
  // @ts-expect-error source and target the wrong way round
  new MigrationEngine({ bitbucket: github, github: bitbucket })
  // @ts-expect-error a request names its backend; an engine is given one
  new MigrationEngine({ bitbucket, github, git: 'native' })
  // @ts-expect-error teams are at the target
  new TeamsManager({ github: bitbucket })
}

export function requests(): MigrationRequest[] {
  return [
    { source: { project: 'PRJ', repository: 'app' }, target: { owner: 'acme' } },
    { source: { project: 'PRJ', repository: 'app' }, target: { owner: 'acme', description: null }, options: { git: 'relay', prune: true } },
    // @ts-expect-error where to?
    { source: { project: 'PRJ', repository: 'app' } },
    // @ts-expect-error a misspelt option
    { source: { project: 'PRJ', repository: 'app' }, target: { owner: 'acme' }, options: { forced: true } },
    // @ts-expect-error there is no such visibility
    { source: { project: 'PRJ', repository: 'app' }, target: { owner: 'acme', visibility: 'secret' } },
    // @ts-expect-error there is no such backend to name
    { source: { project: 'PRJ', repository: 'app' }, target: { owner: 'acme' }, options: { git: 'svn' } },
  ]
}

export function events(): void {
  engine.on('progress', (every) => exactly<ProgressEvent>()(every))
  engine.on('step-end', ({ outcome }) => exactly<'done' | 'skipped' | 'failed'>()(outcome))
  engine.on('migration-end', ({ status }) => exactly<'completed' | 'failed' | 'cancelled'>()(status))
  // @ts-expect-error there is no such event
  engine.on('finished', () => undefined)
  // @ts-expect-error a start has no outcome
  engine.on('step-start', ({ outcome }) => outcome)
  if (event.type === 'loss') exactly<LossKind>()(event.loss.kind)
  // @ts-expect-error only after looking at the type
  void event.loss
  // @ts-expect-error the order of the two
  reduce(event, emptySnapshot())
}

export function records(): void {
  holds<Equal<MigrationStatus, 'pending' | 'in_progress' | 'completed' | 'failed' | 'cancelled'>>()
  holds<Equal<StepName, (typeof stepNames)[number]>>()
  holds<Equal<LossKind, (typeof lossKinds)[number]>>()
  holds<Equal<ErrorCode, (typeof errorCodes)[number]>>()
  // @ts-expect-error not every migration has got that far
  void record.refs.verified
  // @ts-expect-error what is sent is counted, and nothing else
  void record.transferred.files
}

export function errors(): void {
  const error = new SaddleError('CONFLICT', 'text', { context: { refs: ['refs/heads/main'] } })
  // @ts-expect-error a code of one's own
  new SaddleError('MY_OWN', 'text')
  // @ts-expect-error nothing that could carry a secret rides along
  new SaddleError('CONFLICT', 'text', { context: { headers: { authorization: 'x' } } })
  // @ts-expect-error an error is not changed any more
  error.context.host = 'elsewhere'
  // @ts-expect-error a code that does not exist is compared with nothing
  if (error.code === 'OOPS') throw error
}

export function backends(): void {
  const backend: GitBackend = { name: 'mine', transfer: async () => ({ packBytes: 0, objects: 0, outcomes: [], messages: [] }) }
  void backend
  // @ts-expect-error what became of the refs must be said
  void ({ name: 'mine', transfer: async () => ({ packBytes: 0, objects: 0, messages: [] }) } satisfies GitBackend)
  // @ts-expect-error a name is a name
  void ({ workDirectory: 1 } satisfies NativeBackendOptions)
}

test('the closed unions have no member twice', () => {
  for (const union of [errorCodes, lossKinds, stepNames]) expect(new Set(union).size).toBe(union.length)
})
