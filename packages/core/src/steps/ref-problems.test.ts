import { expect, it } from 'vitest'
import { refProblems } from './ref-problems.ts'

const namespaces = ['refs/heads/', 'refs/tags/', 'refs/pull/']
const problemsOf = (...names: string[]) => refProblems({ refs: new Map(names.map((name) => [name, { oid: '0'.repeat(40) }])) }, namespaces)

it('finds nothing wrong with ordinary names', () => {
  expect(problemsOf('refs/heads/main', 'refs/heads/__proto__', 'refs/heads/-x', 'refs/tags/main', `refs/heads/${'x'.repeat(244)}`)).toEqual([])
})

it('counts the length of names in bytes', () => {
  const long = `refs/heads/${'é'.repeat(123)}`
  expect(problemsOf(long, 'refs/heads/main')).toEqual([expect.objectContaining({ severity: 'warning', code: 'REF_REJECTED', refs: [long] })])
})

it('finds names that differ in case only, within one namespace', () => {
  expect(problemsOf('refs/heads/Fix', 'refs/heads/fix', 'refs/heads/FIX', 'refs/tags/fix', 'refs/heads/other')).toEqual([
    expect.objectContaining({ severity: 'warning', code: 'CONFLICT', refs: ['refs/heads/Fix', 'refs/heads/fix', 'refs/heads/FIX'] }),
  ])
})

it('stops at refs that the target hides, if they were asked for', () => {
  expect(problemsOf('refs/pull/1/head')).toEqual([expect.objectContaining({ severity: 'error', code: 'REF_HIDDEN', refs: ['refs/pull/1/head'] })])
  expect(problemsOf('refs/pull-requests/1/from')).toEqual([])
})
