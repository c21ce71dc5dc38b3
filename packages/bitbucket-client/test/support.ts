import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { startSandbox, type BitbucketSandbox, type SandboxOptions } from '@saddle/sandbox'
import type { HttpEvents, SaddleError } from '@saddle/transport'
import { afterAll, expect, onTestFinished } from 'vitest'
import { BitbucketClient, type BitbucketClientOptions } from '../src/index.ts'

const closing: (() => Promise<unknown>)[] = []
afterAll(async () => {
  for (const close of closing.reverse()) await close()
})

/** Starts a Bitbucket that ends with the tests of the file. */
export async function rehearsalStage(options?: SandboxOptions['bitbucket']): Promise<BitbucketSandbox> {
  const sandbox = await startSandbox(options ? { bitbucket: options } : {})
  closing.push(() => sandbox.close())
  return sandbox.bitbucket
}

/** A client whose retries take no time, with what it reported. */
export function rehearse(server: { url: string; token?: string }, options: Partial<BitbucketClientOptions> = {}) {
  const client = new BitbucketClient({
    baseUrl: server.url,
    auth: { token: server.token ?? 'token-of-the-test' },
    ...options,
    retry: { sleep: async () => undefined, ...options.retry },
  })
  closing.push(() => client.close())
  const events: { [Name in keyof HttpEvents]: HttpEvents[Name][] } = { request: [], retry: [], throttle: [] }
  client.on('request', (event) => events.request.push(event))
  client.on('retry', (event) => events.retry.push(event))
  client.on('throttle', (event) => events.throttle.push(event))
  return Object.assign(client, { events })
}

/** A server for answers that no well-behaved Bitbucket gives: JSON for an object, else what the listener does itself. */
export async function answering(
  answer: (request: IncomingMessage & { url: string }, response: ServerResponse) => unknown,
): Promise<{ url: string; seen: string[] }> {
  const seen: string[] = []
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`)
    const body = answer(request as IncomingMessage & { url: string }, response)
    if (response.writableEnded) return
    if (typeof body === 'object') response.setHeader('content-type', 'application/json').end(JSON.stringify(body))
    else response.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen }
}

/** An error answer of the server. */
export const exception = (name: string | null, message = 'No.') => ({
  errors: [{ context: null, message, exceptionName: name && `com.atlassian.bitbucket.${name}` }],
})

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
