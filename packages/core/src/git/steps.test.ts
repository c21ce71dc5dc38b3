import { describe, expect, it } from 'vitest'
import type { RefUpdate } from '@saddle/git-relay'
import { sendInSteps, stepNamespace, type CommitGraph } from './steps.ts'

/** A target that counts a size for each commit and takes at most so much at once. */
function target(graph: CommitGraph, limit: number, sizeOf: (oid: string) => number = () => 1) {
  const has = new Set<string>()
  const refs = new Map<string, string>()
  const attempts: number[] = []
  const lacking = (tips: string[]): string[] => {
    const found = new Set<string>()
    const stack = [...tips]
    for (let oid = stack.pop(); oid !== undefined; oid = stack.pop()) {
      if (!graph.has(oid) || has.has(oid) || found.has(oid)) continue
      found.add(oid)
      stack.push(...graph.get(oid)!)
    }
    return [...found]
  }
  const isAncestor = (old: string, tip: string): boolean => {
    const stack = [tip]
    for (let oid = stack.pop(); oid !== undefined; oid = stack.pop()) {
      if (oid === old) return true
      stack.push(...(graph.get(oid) ?? []))
    }
    return false
  }
  const push = (updates: { ref: string; oldOid?: string; newOid: string }[]) => {
    const commits = lacking(updates.map(({ newOid }) => newOid))
    const bytes = commits.reduce((sum, oid) => sum + sizeOf(oid), 0)
    attempts.push(bytes)
    if (bytes > limit) return { sent: false as const }
    for (const { ref, oldOid, newOid } of updates) {
      expect(refs.get(ref)).toBe(oldOid)
      if (oldOid !== undefined && ref.startsWith('refs/heads/')) expect(isAncestor(oldOid, newOid)).toBe(true)
      refs.set(ref, newOid)
    }
    for (const oid of commits) has.add(oid)
    return { sent: true as const, bytes }
  }
  return { has, refs, attempts, push }
}

function run(graph: CommitGraph, tips: Record<string, string>, limit: number, sizeOf?: (oid: string) => number, defaultBranch?: string) {
  const server = target(graph, limit, sizeOf)
  const updates: RefUpdate[] = Object.entries(tips).map(([ref, newOid]) => ({ ref, kind: 'create', newOid }))
  const first: string[] = []
  const done = sendInSteps({
    graph,
    updates,
    packBytes: limit,
    ...(defaultBranch ? { defaultBranch } : {}),
    send: async (update) => server.push([update]),
    sendAll: async () =>
      server.push(updates.flatMap((update) => (update.kind === 'create' ? [{ ref: update.ref, newOid: update.newOid, ...(server.refs.has(update.ref) ? { oldOid: server.refs.get(update.ref)! } : {}) }] : []))),
    onStep: ({ ref }) => first.push(ref),
  })
  return { server, done, first }
}

const line = (length: number, name = 'c'): [string, string[]][] =>
  Array.from({ length }, (_, n) => [`${name}${n}`, n === 0 ? [] : [`${name}${n - 1}`]])

describe('sendInSteps', () => {
  it('moves one branch along its history, no step over the limit', async () => {
    const graph = new Map(line(1000))
    const { server, done } = run(graph, { 'refs/heads/main': 'c999' }, 100)
    expect(await done).toEqual([])
    expect(server.has.size).toBe(1000)
    expect(server.refs.get('refs/heads/main')).toBe('c999')
    // Ten parts are the least; finding their size may cost some tries, but not many.
    expect(server.attempts.length).toBeLessThan(30)
  })

  it('adapts to commits of very different sizes', async () => {
    const graph = new Map(line(300))
    const sizeOf = (oid: string) => (Number(oid.slice(1)) % 50 === 0 ? 90 : 1)
    const { server, done } = run(graph, { 'refs/heads/main': 'c299' }, 100, sizeOf)
    await done
    expect(server.has.size).toBe(300)
  })

  it('begins with the default branch', async () => {
    const graph = new Map([...line(50, 'a'), ...line(200, 'b')])
    const { done, first } = run(graph, { 'refs/heads/big': 'b199', 'refs/heads/main': 'a49' }, 40, undefined, 'refs/heads/main')
    await done
    expect(first[0]).toBe('refs/heads/main')
  })

  it('brings in a merge that is too large as a whole by its parents', async () => {
    const graph: CommitGraph = new Map([...line(100, 'a'), ...line(90, 'b'), ['m', ['a99', 'b89']]])
    const { server, done } = run(graph, { 'refs/heads/main': 'm' }, 50)
    expect(await done).toEqual([`${stepNamespace}1`])
    expect(server.refs.get('refs/heads/main')).toBe('m')
  })

  it('brings history that only a tag reaches', async () => {
    const graph = new Map([...line(100, 'a'), ...line(100, 'b')])
    const { server, done } = run(graph, { 'refs/tags/v1': 'b99', 'refs/heads/main': 'a99' }, 30)
    await done
    expect(server.has.size).toBe(200)
    expect(server.refs.get('refs/tags/v1')).toBe('b99')
  })

  it('goes on from where an earlier run stopped', async () => {
    const graph = new Map(line(100).slice(40))
    const server = target(graph, 30)
    server.refs.set('refs/heads/main', 'c39')
    const updates: RefUpdate[] = [{ ref: 'refs/heads/main', kind: 'update', oldOid: 'c39', newOid: 'c99' }]
    await sendInSteps({
      graph,
      updates,
      packBytes: 30,
      send: async (update) => server.push([update]),
      sendAll: async () => server.push([{ ref: 'refs/heads/main', oldOid: server.refs.get('refs/heads/main')!, newOid: 'c99' }]),
    })
    expect(server.refs.get('refs/heads/main')).toBe('c99')
  })

  it('goes on along the branch when another way to the tip is longer', async () => {
    const graph: CommitGraph = new Map([...line(20, 'a').slice(15), ...line(60, 'b'), ['m', ['a19', 'b59']]])
    const server = target(graph, 30)
    server.refs.set('refs/heads/main', 'a14')
    await sendInSteps({
      graph,
      updates: [{ ref: 'refs/heads/main', kind: 'update', oldOid: 'a14', newOid: 'm' }],
      taken: server.refs,
      packBytes: 30,
      // The push itself refuses to lose anything.
      send: async (update) => server.push([update]),
      sendAll: async () => server.push([{ ref: 'refs/heads/main', oldOid: server.refs.get('refs/heads/main')!, newOid: 'm' }]),
    })
    expect(server.refs.get('refs/heads/main')).toBe('m')
    expect(server.has.size).toBe(graph.size)
  })

  it('leaves the branches of an earlier run alone', async () => {
    const graph = new Map([...line(100, 'a'), ...line(100, 'b')])
    const server = target(graph, 30)
    server.refs.set(`${stepNamespace}1`, 'c')
    const updates: RefUpdate[] = [{ ref: 'refs/tags/v1', kind: 'create', newOid: 'b99' }]
    const made = await sendInSteps({
      graph,
      updates,
      taken: server.refs,
      packBytes: 30,
      send: async (update) => server.push([update]),
      sendAll: async () => server.push([{ ref: 'refs/tags/v1', newOid: 'b99' }]),
    })
    expect(made).toEqual([`${stepNamespace}2`])
  })

  it('learns that the limit is lower than is known', async () => {
    const graph = new Map(line(500))
    const server = target(graph, 20)
    await sendInSteps({
      graph,
      updates: [{ ref: 'refs/heads/main', kind: 'create', newOid: 'c499' }],
      packBytes: Infinity,
      send: async (update) => {
        const outcome = server.push([update])
        return outcome.sent ? outcome : { sent: false, bytes: server.attempts.at(-1)! }
      },
      sendAll: async () => server.push([{ ref: 'refs/heads/main', oldOid: 'c499', newOid: 'c499' }]),
    })
    expect(server.has.size).toBe(500)
    expect(server.attempts.length).toBeLessThan(70)
  })

  it('says which commit is too large by itself', async () => {
    const graph = new Map(line(10))
    const { done, server } = run(graph, { 'refs/heads/main': 'c9' }, 10, (oid) => (oid === 'c5' ? 11 : 1))
    await expect(done).rejects.toMatchObject({ code: 'PACK_TOO_LARGE', message: expect.stringContaining('c5') as string })
    expect(server.refs.get('refs/heads/main')).toBe('c4')
  })
})
