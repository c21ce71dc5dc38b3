import { startSandbox, type Sandbox, type SandboxOptions } from '@saddle/sandbox'
import { HostBudget, type HttpEvents, type SaddleError } from '@saddle/transport'
import { afterAll, expect } from 'vitest'
import { GitHubClient, type GitHubClientOptions } from '../src/index.ts'

/** A client whose waits pass at once, and what it waited and reported. */
export interface Rehearsal {
  client: GitHubClient
  /** Milliseconds, in the order of the waits. */
  waits: number[]
  events: { [Name in keyof HttpEvents]: HttpEvents[Name][] }
}

const clients: GitHubClient[] = []
const sandboxes: Sandbox[] = []
afterAll(async () => {
  for (const client of clients) await client.close()
  for (const sandbox of sandboxes) await sandbox.close()
})

/** Starts a sandbox that ends with the tests. */
export async function rehearsalStage(options?: SandboxOptions): Promise<Sandbox> {
  const sandbox = await startSandbox(options)
  sandboxes.push(sandbox)
  return sandbox
}

/** Makes a client whose clock is moved by its own waits. */
export function rehearse(options: GitHubClientOptions): Rehearsal {
  const waits: number[] = []
  let time = 0
  const sleep = async (milliseconds: number, signal?: AbortSignal) => {
    signal?.throwIfAborted()
    waits.push(milliseconds)
    time += milliseconds
  }
  const client = new GitHubClient({
    budget: new HostBudget({ concurrency: 50, clock: { now: () => time, sleep } }),
    ...options,
    retry: { sleep, random: () => 0.5, ...options.retry },
  })
  clients.push(client)
  const events: Rehearsal['events'] = { request: [], retry: [], throttle: [] }
  client.on('request', (event) => events.request.push(event))
  client.on('retry', (event) => events.retry.push(event))
  client.on('throttle', (event) => events.throttle.push(event))
  return { client, waits, events }
}

/** The error of a promise that must fail. */
export async function failureOf(promise: Promise<unknown>): Promise<SaddleError> {
  return promise.then(
    (value) => expect.fail(`it succeeded with ${JSON.stringify(value)}`),
    (error: unknown) => error as SaddleError,
  )
}

/** All items of a list. */
export async function all<T>(list: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const item of list) items.push(item)
  return items
}
