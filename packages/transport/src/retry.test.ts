import { expect, test } from 'vitest'
import { SaddleError } from './error.ts'
import { retry, type RetryNotice, type RetryOptions } from './retry.ts'

/** Retries with recorded waits, jitter at its upper bound and no real time. */
function recorded(options: RetryOptions = {}) {
  const waits: number[] = []
  const sleep = async (milliseconds: number) => void waits.push(milliseconds)
  return { waits, options: { random: () => 1, sleep, ...options } }
}

const failing = (error: unknown) => async (): Promise<never> => {
  throw error as Error
}
const network = (retryAfter?: number) => new SaddleError('NETWORK', 'reset', { context: retryAfter === undefined ? {} : { retryAfter } })

test('waits up to a bound that doubles to its maximum, then throws the last error', async () => {
  const { waits, options } = recorded({ attempts: 6, baseDelay: 100, maxDelay: 500 })
  let tries = 0
  await expect(retry(async (attempt) => { tries = attempt; throw network() }, options)).rejects.toThrow('reset')
  expect(tries).toBe(6)
  expect(waits).toEqual([100, 200, 400, 500, 500])
})

test('waits nothing when the jitter says so', async () => {
  const { waits, options } = recorded({ attempts: 3, random: () => 0 })
  await expect(retry(failing(network()), options)).rejects.toThrow()
  expect(waits).toEqual([0, 0])
})

test('waits at least as long as the server asks', async () => {
  const { waits, options } = recorded({ attempts: 2, baseDelay: 10 })
  await expect(retry(failing(network(7)), options)).rejects.toThrow()
  expect(waits).toEqual([7010])
})

test('fails at once when the server asks for more patience than there is', async () => {
  const { waits, options } = recorded({ maxRetryAfter: 60_000 })
  await expect(retry(failing(network(61)), options)).rejects.toMatchObject({ code: 'NETWORK', context: { retryAfter: 61 } })
  expect(waits).toEqual([])
})

test.each(['AUTHENTICATION_FAILED', 'CAPTCHA_REQUIRED', 'FORBIDDEN', 'NOT_FOUND', 'ABORTED', 'TLS'] as const)('never repeats %s', async (code) => {
  const { waits, options } = recorded()
  await expect(retry(failing(new SaddleError(code, 'no')), options)).rejects.toMatchObject({ code })
  expect(waits).toEqual([])
})

test('reports each wait with its error and returns what succeeds', async () => {
  const notices: RetryNotice[] = []
  const { options } = recorded({ baseDelay: 100 })
  const result = await retry(async (attempt) => {
    if (attempt < 3) throw network()
    return attempt
  }, { ...options, onRetry: (notice) => void notices.push(notice) })
  expect(result).toBe(3)
  expect(notices.map(({ attempt, waitMs }) => [attempt, waitMs])).toEqual([[1, 100], [2, 200]])
})

test('an option that is undefined counts as left out', async () => {
  let tries = 0
  const options = { attempts: undefined, sleep: async () => undefined } as unknown as RetryOptions
  await expect(retry(async () => { tries++; throw network() }, options)).rejects.toThrow()
  expect(tries).toBe(5)
})

test('an abort while waiting ends the wait, whatever the reason', async () => {
  const controller = new AbortController()
  const waiting = retry(failing(network()), {
    random: () => 1,
    baseDelay: 1e9,
    maxDelay: 1e9,
    signal: controller.signal,
    onRetry: () => controller.abort('shutting down'),
  })
  await expect(waiting).rejects.toMatchObject({ code: 'ABORTED', retryable: false })
})

test('what an operation throws after an abort is the abort', async () => {
  const reason = 'stop'
  await expect(retry(failing(reason), { signal: AbortSignal.abort(reason) })).rejects.toMatchObject({ code: 'ABORTED' })
})
