import { expect, test } from 'vitest'
import { abortError } from './abort.ts'
import { SaddleError } from './error.ts'

test.each([undefined, 'x', 42, new Error('closing'), { toString: () => 'odd' }])('an abort with %s is ABORTED', (reason) => {
  expect(abortError(AbortSignal.abort(reason))).toMatchObject({ code: 'ABORTED', message: 'The operation was cancelled.', retryable: false })
})

test('a deadline is TIMEOUT', () => {
  const reason = new DOMException('late', 'TimeoutError')
  expect(abortError(AbortSignal.abort(reason))).toMatchObject({ code: 'TIMEOUT' })
})

test('a SaddleError given as the reason is the error', () => {
  const reason = new SaddleError('LEASE_LOST', 'another worker took over')
  expect(abortError(AbortSignal.abort(reason))).toBe(reason)
})
