import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { SaddleError, type ErrorContext } from './error.ts'
import { Redactor } from './redact.ts'

const redactor = new Redactor(['hunter2'])

test('drops context that is not on the list, and values of other kinds', () => {
  const context = { host: 'h', status: 500, refs: ['a', { b: 'hunter2' }], headers: { authorization: 'hunter2' }, method: { x: 'hunter2' }, path: undefined }
  const error = new SaddleError('NETWORK', 'failed', { context: context as unknown as ErrorContext })
  expect(error.context).toEqual({ host: 'h', status: 500, refs: ['a'] })
  expect(Object.isFrozen(error.context)).toBe(true)
})

test('no form of it tells a secret: message, context, cause and its causes', () => {
  const root = Object.assign(new Error('deep hunter2'), { code: 'ECONNRESET', headers: { authorization: 'hunter2' } })
  const cause = Object.assign(new TypeError('mid hunter2', { cause: root }), { options: { password: 'hunter2' } })
  const error = new SaddleError('FORBIDDEN', 'said hunter2', {
    cause,
    redactor,
    context: { path: '/x/hunter2', refs: ['refs/heads/hunter2'] },
  })
  expect(inspect(error, { depth: 20, showHidden: true }) + error.stack + JSON.stringify(error)).not.toContain('hunter2')
  expect(error.cause).toMatchObject({ name: 'TypeError', message: 'mid [redacted]', cause: { code: 'ECONNRESET' } })
  expect(inspect(error)).toMatch(/TypeError.*mid \[redacted\]/)
})

test('a cause that contains itself is no trap', () => {
  const cause = new Error('round')
  cause.cause = cause
  expect(new SaddleError('INTERNAL', 'x', { cause, redactor }).cause).toMatchObject({ message: 'round' })
})

test('is recognised by its brand, also when another copy of the package made it', () => {
  const foreign = Object.defineProperty(new Error('other copy'), Symbol.for('saddle.error'), { value: true })
  expect(SaddleError.is(foreign)).toBe(true)
  expect(SaddleError.is(new SaddleError('INTERNAL', 'x'))).toBe(true)
  for (const other of [new Error('x'), null, undefined, 'x', {}]) expect(SaddleError.is(other)).toBe(false)
  expect(foreign).toBeInstanceOf(SaddleError)
  expect(new Error('x')).not.toBeInstanceOf(SaddleError)
  class Special extends SaddleError {}
  expect(new Special('INTERNAL', 'x')).toBeInstanceOf(Special)
  expect(new SaddleError('INTERNAL', 'x')).not.toBeInstanceOf(Special)
})

test('from keeps its own, knows aborts and deadlines, and wraps the rest', () => {
  const own = new SaddleError('NOT_FOUND', 'x')
  expect(SaddleError.from(own, 'INTERNAL')).toBe(own)
  expect(SaddleError.from(new DOMException('x', 'AbortError')).code).toBe('ABORTED')
  expect(SaddleError.from(new DOMException('x', 'TimeoutError')).code).toBe('TIMEOUT')
  expect(SaddleError.from('odd', 'STORE_FAILED')).toMatchObject({ code: 'STORE_FAILED', message: 'odd' })
})

test('JSON has neither stack nor cause, and context only where there is some', () => {
  expect(JSON.parse(JSON.stringify(new SaddleError('TIMEOUT', 'late', { cause: new Error('why') })))).toEqual({
    code: 'TIMEOUT', message: 'late', retryable: true,
  })
  expect(new SaddleError('TIMEOUT', 'late', { retryable: false, context: { attempts: 2 } }).toJSON()).toEqual({
    code: 'TIMEOUT', message: 'late', retryable: false, context: { attempts: 2 },
  })
})
