import { execFile, execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { deflateSync } from 'node:zlib'
import type { SandboxOptions } from '@saddle/sandbox'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { requiredProgram } from '../../../scripts/required-program.ts'
import { BitbucketClient, type SaddleError } from '../src/index.ts'
import { setStage, type Seeded, type Stage } from './stage.ts'

let stage: Stage
let folder: string
beforeAll(async () => {
  stage = await setStage({ github: { checkLfs: true } })
  folder = mkdtempSync(join(tmpdir(), 'saddle-lfs-'))
})
afterAll(async () => {
  await stage.close()
  rmSync(folder, { recursive: true, force: true })
})

const hasLfs = requiredProgram('git-lfs', (() => {
  try {
    execFileSync('git', ['lfs', 'version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})())

const seed = { commits: 3, branches: 3, tags: 2, lfs: { count: 24, size: [1, 400_000] as const } }
const bytesOf = (text: string) => createHash('sha256').update(text).digest('hex')

/** The names of the objects that a repository's history points to, as git alone finds them. */
const namedIn = (source: Seeded): string[] =>
  [...new Set([...source.git('log', '--all', '-p', '--format=').matchAll(/^\+oid sha256:(\w{64})$/gm)].map(([, oid]) => oid!))].sort()

async function arrived(source: Seeded, on = stage): Promise<string[]> {
  const oids = namedIn(source)
  const sizes = await Promise.all(oids.map((oid) => on.sandbox.github.lfsObjectSize('acme', source.slug, oid)))
  return oids.filter((_, index) => sizes[index] !== undefined)
}

/** Adds a commit with a file to a branch of the source. */
function commitFile(source: Seeded, name: string, content: string, branch = 'main'): void {
  const { path } = source
  const blob = execFileSync('git', ['-C', path, 'hash-object', '-w', '--stdin'], { input: content, encoding: 'utf8' }).trim()
  const old = source.git('ls-tree', branch).split('\n').filter((line) => !line.endsWith(`\t${name}`))
  const tree = execFileSync('git', ['-C', path, 'mktree'], { input: [...old, `100644 blob ${blob}\t${name}`].join('\n') + '\n', encoding: 'utf8' }).trim()
  source.git('update-ref', `refs/heads/${branch}`, source.git('commit-tree', tree, '-p', branch, '-m', name))
}

const requestsTo = (part: RegExp | string, method: string, on = stage) =>
  [...on.sandbox.bitbucket.requests, ...on.sandbox.github.requests].filter((request) => request.method === method && (typeof part === 'string' ? request.path.includes(part) : part.test(request.path)))

async function failureOf(promise: Promise<unknown>): Promise<SaddleError> {
  return promise.then(() => expect.fail('it succeeded'), (error: unknown) => error as SaddleError)
}

async function withStage(options: SandboxOptions, work: (stage: Stage) => Promise<void>): Promise<void> {
  await using own = await setStage(options)
  await work(own)
}

describe('the Git LFS objects of a repository', () => {
  it('arrive before the refs, those of old versions and of all branches too', async () => {
    const source = await stage.seed({ seed })
    const more = await stage.sandbox.bitbucket.addLfsObject('PRJ', source.slug, 'on a branch alone')
    commitFile(source, 'alone.bin', more.pointer, 'branch-1')
    const { engine, events } = stage.engine()
    const plan = await engine.plan(source.request)
    expect(plan.steps.find(({ name }) => name === 'transfer-lfs')?.actions).toEqual([expect.stringMatching(/^Move those of 25 Git LFS objects \([\d.]+ MiB\) that the target lacks$/)])
    expect(plan).toMatchObject({ losses: [], problems: [], source: { lfs: true }, lfs: { objects: 25, bytes: expect.any(Number) as number, missing: 0 } })
    const report = await engine.migrate(source.request)
    expect(namedIn(source)).toHaveLength(25)
    expect(await arrived(source)).toEqual(namedIn(source))
    expect(source.targetRefs()).toBe(source.refs())
    const size = namedIn(source).length
    expect(report).toMatchObject({ status: 'completed', losses: [], lfs: { transferred: size, present: 0, missing: 0 } })
    expect(report.lfs!.bytes).toBe(plan.lfs!.bytes)
    const moved = events.flatMap((event) => (event.type === 'transfer' && event.phase === 'lfs' ? [event] : []))
    expect(moved.at(-1)).toMatchObject({ objects: size, totalObjects: size, bytes: report.lfs!.bytes })
  })

  it.runIf(hasLfs)('pass the check of git-lfs on a clone of the target', async () => {
    const source = await stage.seed({ seed })
    await stage.engine().engine.migrate(source.request)
    const { github } = stage.sandbox
    const authorization = `Authorization: Basic ${Buffer.from(`x-access-token:${github.token}`).toString('base64')}`
    const env = {
      PATH: process.env['PATH'], HOME: folder, GIT_CONFIG_NOSYSTEM: '1', GIT_TERMINAL_PROMPT: '0', GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: `http.${github.webUrl}/.extraHeader`, GIT_CONFIG_VALUE_0: authorization,
    }
    const clone = join(folder, source.slug)
    // Not synchronously, since the server is in this process.
    const git = async (...args: string[]) => (await promisify(execFile)('git', args, { env })).stdout
    await git('clone', '-q', '--mirror', `${github.webUrl}/acme/${source.slug}.git`, clone)
    await git('-C', clone, 'lfs', 'fetch', '--all')
    expect(await git('-C', clone, 'lfs', 'fsck')).toContain('fsck OK')
    expect((await git('-C', clone, 'lfs', 'ls-files', '--all', '--long')).trim().split('\n').map((line) => line.split(' ')[0]).sort()).toEqual(namedIn(source))
  })

  it('are found where a pointer is stored as the difference to another one', async () => {
    const source = await stage.seed({ seed: { commits: 1, lfs: { count: 1, size: 100 } } })
    const [first, second] = await Promise.all(['delta base', 'delta result'].map((text) => stage.sandbox.bitbucket.addLfsObject('PRJ', source.slug, text)))
    const oids = plantDelta(source.path, first!.pointer, second!.pointer)
    source.git('update-ref', 'refs/heads/main', source.git('commit-tree', treeOf(source.path, oids), '-p', 'main', '-m', 'deltas'))
    expect(source.git('cat-file', '--batch-check=%(deltabase)', '--batch-all-objects')).toContain(oids[0])
    await stage.engine().engine.migrate(source.request)
    expect(await arrived(source)).toEqual(expect.arrayContaining([first!.oid, second!.oid]))
  })

  it('are sent once: a later run looks at what is new alone, and what the target has is left out', async () => {
    const source = await stage.seed({ seed })
    const { engine } = stage.engine()
    await engine.migrate(source.request)
    const { pointer, oid } = await stage.sandbox.bitbucket.addLfsObject('PRJ', source.slug, 'new since then')
    commitFile(source, 'new.bin', pointer)
    stage.sandbox.github.clearRequests()
    const report = await engine.migrate(source.request)
    expect(report.lfs).toEqual({ transferred: 1, bytes: 14, present: 0, missing: 0 })
    expect(await stage.sandbox.github.lfsObjectSize('acme', source.slug, oid)).toBe(14)
    expect(requestsTo('/lfs-storage/', 'PUT').length).toBe(1)
    // A store that does not remember has everything looked at, and the target says that it has it.
    const again = await stage.engine().engine.migrate({ ...source.request, target: { owner: 'acme', existing: true } })
    expect(again.lfs).toMatchObject({ transferred: 0, present: namedIn(source).length })
  })

  it('are not looked for where nothing is new', async () => {
    const source = await stage.seed({ seed })
    const { engine } = stage.engine()
    await engine.migrate(source.request)
    stage.sandbox.bitbucket.clearRequests()
    await engine.migrate(source.request)
    expect(stage.sandbox.bitbucket.requests.map(({ method }) => method).toSorted()).toEqual(['GET', 'GET', 'POST'])
  })
})

describe('an object that the source does not have', () => {
  const lossy = { commits: 2, lfs: { count: 8, size: 500, missing: 2 } }

  it('is in the ledger by path and name, and the rest arrives where the target takes the refs', () =>
    withStage({}, async (own) => {
      const source = await own.seed({ seed: lossy })
      const { engine } = own.engine()
      const plan = await engine.plan(source.request)
      expect(plan.problems).toEqual([expect.objectContaining({ severity: 'warning', code: 'LFS_OBJECTS_MISSING', message: expect.stringContaining('git lfs push --all') as string })])
      const report = await engine.migrate(source.request)
      expect(report).toMatchObject({ status: 'completed', lfs: { transferred: 6, missing: 2 } })
      const losses = report.losses.filter(({ kind }) => kind === 'lfs-objects')
      const there = await arrived(source, own)
      expect(losses.map(({ subject }) => /[0-9a-f]{64}/.exec(subject)?.[0]).sort()).toEqual(namedIn(source).filter((oid) => !there.includes(oid)))
      expect(new Set(plan.losses.map(({ subject }) => subject))).toEqual(new Set(losses.map(({ subject }) => subject)))
      // Those that a branch shows have a path, those of old versions have none.
      const tips = source.git('grep', '-h', 'oid sha256', 'main', '--', 'objects')
      for (const { subject } of losses) expect(/^objects\/\d+\.bin \(/.test(subject)).toBe(tips.includes(/[0-9a-f]{64}/.exec(subject)![0]))
    }))

  it('arrives with the next run, once somebody has brought it to the source', () =>
    withStage({}, async (own) => {
      const source = await own.seed({ seed: { commits: 1 } })
      const object = await own.sandbox.bitbucket.addLfsObject('PRJ', source.slug, 'found again')
      commitFile(source, 'art.psd', object.pointer)
      await own.sandbox.bitbucket.removeLfsObject('PRJ', source.slug, object.oid)
      const { engine } = own.engine()
      expect((await engine.migrate(source.request)).losses).toEqual([expect.objectContaining({ subject: `art.psd (${object.oid})` })])
      await own.sandbox.bitbucket.addLfsObject('PRJ', source.slug, 'found again')
      expect(await engine.migrate(source.request)).toMatchObject({ losses: [], lfs: { transferred: 1, missing: 0 } })
      expect(await own.sandbox.github.lfsObjectSize('acme', source.slug, object.oid)).toBe(object.size)
    }))

  it('fails with what to do where the target refuses the refs', async () => {
    const source = await stage.seed({ seed: lossy })
    const { engine, store } = stage.engine()
    const error = await failureOf(engine.migrate(source.request))
    expect(error).toMatchObject({ code: 'LFS_OBJECTS_MISSING', message: expect.stringMatching(/git lfs push --all[^]*It names: [0-9a-f]{64}/) as string })
    const record = (await store.getMigration(error.context.migrationId!))!
    expect(record.losses.filter(({ kind }) => kind === 'lfs-objects')).toHaveLength(2)
  })

  it('is told of in the plan where Git LFS is off and branches hand files to it', async () => {
    const source = await stage.seed({ lfs: false, seed: lossy })
    const plan = await stage.engine().engine.plan(source.request)
    expect(plan.losses).toEqual([expect.objectContaining({ kind: 'lfs-objects', reason: expect.stringContaining('switched off at the source') as string })])
  })
})

describe('the search for pointers', () => {
  it.each([
    ['goes on with a filter that older servers know', { truncateAfter: 0 }],
    ['is begun again when it breaks off', { truncateAfter: 700 }],
    ['is begun again when the connection breaks', { resetAfter: 700 }],
  ])('%s', async (_, action) => {
    const source = await stage.seed({ seed })
    const fault = stage.sandbox.bitbucket.fault({ method: 'POST', path: `${source.slug}.git/git-upload-pack`, skip: 1, action })
    const report = await stage.engine().engine.migrate(source.request)
    expect(fault.hits).toBe(1)
    expect(report).toMatchObject({ losses: [], lfs: { transferred: 24 } })
    expect(await arrived(source)).toEqual(namedIn(source))
  })
})

describe('an object on its way', () => {
  const one = (more: object = {}) => stage.seed({ seed: { commits: 1, lfs: { count: 5, size: 200_000 } }, ...more })
  const storage = /\/rest\/git-lfs\/storage\//

  it.each([
    ['comes damaged once', 'bitbucket', { path: storage, action: { corruptAt: 100_000 } }],
    ['comes short once', 'bitbucket', { path: storage, action: { truncateAfter: 100_000 } }],
    ['breaks off', 'bitbucket', { path: storage, action: { resetAfter: 100_000 } }],
    ['has a link that ended at the source', 'bitbucket', { path: storage, action: { status: 401 } }],
    ['has a link that ended at the target', 'github', { path: '/lfs-storage/', method: 'PUT', action: { status: 403, body: 'Request has expired' } }],
    ['is not taken by a target in trouble', 'github', { path: '/lfs-storage/', method: 'PUT', action: { status: 503 } }],
    ['is cut off on the way up', 'github', { path: '/lfs-storage/', method: 'PUT', action: { resetRequestAfter: 50_000 } }],
    ['is stored without an answer', 'github', { path: '/lfs-storage/', method: 'PUT', action: { dropAnswer: true } }],
    ['is not confirmed at first', 'github', { path: '/lfs-storage/', method: 'POST', action: { status: 500 } }],
    ['is asked for in vain', 'bitbucket', { path: 'objects/batch', skip: 1, action: { status: 502 } }],
  ] as const)('that %s arrives in the end', async (_, side, rule) => {
    const source = await one()
    const fault = stage.sandbox[side].fault(rule)
    const report = await stage.engine().engine.migrate(source.request)
    expect(fault.hits).toBe(1)
    fault.remove()
    expect(report).toMatchObject({ status: 'completed', losses: [], lfs: { missing: 0 } })
    expect(await arrived(source)).toEqual(namedIn(source))
  })

  it('never arrives damaged: it is a loss, and the others arrive', () =>
    withStage({}, async (own) => {
      const source = await own.seed({ seed: { commits: 1, lfs: { count: 5, size: 200_000 } } })
      const [bad] = namedIn(source)
      own.sandbox.bitbucket.fault({ path: `/storage/PRJ/${source.slug}/${bad}`, times: 100, action: { corruptAt: 199_999 } })
      const report = await own.engine().engine.migrate(source.request)
      expect(report.losses).toEqual([expect.objectContaining({ kind: 'lfs-objects', subject: expect.stringContaining(bad!) as string, reason: expect.stringContaining('other bytes') as string })])
      expect(report.lfs).toMatchObject({ transferred: 4, missing: 1 })
      expect(await arrived(source, own)).toEqual(namedIn(source).filter((oid) => oid !== bad))
    }))

  it('gets new links when those at hand are about to end', async () => {
    const source = await one()
    const past = (body: string) => body.replaceAll(/"expires_at":"[^"]*"/g, '"expires_at":"2020-01-01T00:00:00Z"')
    const fault = stage.sandbox.bitbucket.fault({ path: `${source.slug}.git/info/lfs/objects/batch`, skip: 1, action: { replaceBody: past } })
    stage.sandbox.bitbucket.clearRequests()
    await stage.engine().engine.migrate(source.request)
    expect(fault.hits).toBe(1)
    // Whether there is Git LFS, the batch, and then one for each object.
    expect(requestsTo('info/lfs/objects/batch', 'POST').filter(({ path }) => path.startsWith('/scm/'))).toHaveLength(2 + 5)
    expect(await arrived(source)).toEqual(namedIn(source))
  })

  it('comes from another host with nothing but what the link says, and goes to one', () =>
    withStage({ bitbucket: { lfs: { separateStorage: true } }, github: { checkLfs: true } }, async (own) => {
      const source = await own.seed({ seed })
      await own.engine().engine.migrate(source.request)
      const [downloads, uploads] = [requestsTo(storage, 'GET', own), requestsTo('/lfs-storage/', 'PUT', own)]
      expect([downloads.length, uploads.length]).toEqual([24, 24])
      for (const { headers } of downloads) expect(headers.authorization).toMatch(/^JWT /)
      for (const { headers } of [...uploads, ...requestsTo('/lfs-storage/', 'POST', own)]) expect(headers.authorization).toBeUndefined()
      const tokens = [own.sandbox.bitbucket.token, own.sandbox.github.token]
      for (const { headers } of [...downloads, ...uploads]) for (const token of tokens) expect(JSON.stringify(headers)).not.toContain(token)
    }))

  it('is not fetched from a host that the operator does not allow', () =>
    withStage({ bitbucket: { lfs: { separateStorage: true } } }, async (own) => {
      const source = await own.seed({ seed })
      const { url: baseUrl, token } = own.sandbox.bitbucket
      const bitbucket = new BitbucketClient({ baseUrl, auth: { token }, allowedHosts: [new URL(baseUrl).host] })
      const error = await failureOf(own.engine({ bitbucket }).engine.migrate(source.request))
      await bitbucket.close()
      expect(error).toMatchObject({ code: 'ADDRESS_NOT_ALLOWED', message: expect.stringContaining('not among those that this installation allows') as string })
      expect(requestsTo(storage, 'GET', own)).toEqual([])
      expect(source.targetRefs()).toBe('')
    }))

  it.each([
    ['no address', 'javascript:alert(1)'],
    ['an address with credentials', 'http://user:secret@127.0.0.1/'],
    ['a file', 'file:///etc/passwd'],
  ])('is not fetched by a link that is %s', async (_, href) => {
    const source = await one()
    stage.sandbox.bitbucket.fault({ path: `${source.slug}.git/info/lfs/objects/batch`, skip: 1, times: 9, action: { replaceBody: (body) => body.replaceAll(/"href":"[^"]*"/g, `"href":"${href}"`) } })
    const error = await failureOf(stage.engine().engine.migrate(source.request))
    expect(error).toMatchObject({ code: 'ADDRESS_NOT_ALLOWED' })
    expect(error.message).not.toContain('secret')
  })

  it('stops at once when it is told to, and a later run does what is left', async () => {
    const source = await stage.seed({ seed: { commits: 1, lfs: { count: 40, size: 100_000 } } })
    const controller = new AbortController()
    const { engine, events } = stage.engine()
    // The tenth upload is not answered before the end.
    const stalled = stage.sandbox.github.fault({ path: '/lfs-storage/', method: 'PUT', skip: 9, times: 100, action: { stall: true } })
    const running = failureOf(engine.migrate(source.request, { signal: controller.signal }))
    await stalled.fired
    controller.abort()
    expect(await running).toMatchObject({ code: 'ABORTED' })
    stalled.remove()
    expect(events.at(-1)).toMatchObject({ type: 'migration-end', status: 'cancelled' })
    const report = await engine.migrate(source.request)
    expect(report.lfs!.transferred + report.lfs!.present).toBe(40)
    expect(report.lfs!.present).toBeGreaterThanOrEqual(1)
    expect(await arrived(source)).toEqual(namedIn(source))
  })

  it('shows no secret of a link or of ours when a storage echoes them', async () => {
    const source = await one()
    const { bitbucket, github } = stage.sandbox
    let headers = ''
    const seen = bitbucket.fault({ path: storage, times: 100, action: { before: (request) => void (headers += JSON.stringify(request.headers)) } })
    const refusing = github.fault({ path: '/lfs-storage/', method: 'PUT', times: 100, action: { status: 400, body: `${github.token} X-Amz-Signature=abcdef0123456789` } })
    const tested = stage.engine()
    const error = await failureOf(tested.engine.migrate(source.request))
    seen.remove()
    refusing.remove()
    const said = JSON.stringify([error, tested.events, await tested.engine.get(error.context.migrationId!)]) + error.stack
    for (const secret of [bitbucket.token, github.token, 'X-Amz-Signature', 'JWT ', 'abcdef0123456789']) expect(said).not.toContain(secret)
    expect(headers).toContain('JWT ')
  })
})

describe('a source that does not send small files alone', () => {
  const old = { bitbucket: { protocol: 0 }, github: { checkLfs: true } } as const

  it('has its objects found in a clone, which is removed', () =>
    withStage(old, async (own) => {
      const source = await own.seed({ seed })
      const { engine, events } = own.engine()
      const plan = await engine.plan(source.request)
      expect(plan.steps.find(({ name }) => name === 'transfer-lfs')?.actions).toEqual([expect.stringContaining('in a clone on this machine')])
      expect(await engine.migrate(source.request)).toMatchObject({ status: 'completed', losses: [], lfs: { transferred: 24 }, gitBackend: { name: 'relay' } })
      expect(await arrived(source, own)).toEqual(namedIn(source))
      expect(events.some((event) => event.type === 'message' && event.text.includes('in a clone'))).toBe(true)
    }))

  it('says in the ledger that they are not moved where the request wants no clone', () =>
    withStage({ bitbucket: { protocol: 0 } }, async (own) => {
      const source = await own.seed({ seed })
      const report = await own.engine().engine.migrate({ ...source.request, options: { git: 'relay' } })
      expect(report.losses).toEqual([expect.objectContaining({ kind: 'lfs-objects', subject: 'Git LFS', reason: expect.stringContaining('the request asks for the backend relay') as string })])
      expect(await arrived(source, own)).toEqual([])
    }))
})

describe('a target', () => {
  it('without Git LFS fails the migration before any ref moves, and says so', () =>
    withStage({ github: { lfs: false } }, async (own) => {
      const source = await own.seed({ seed })
      const error = await failureOf(own.engine().engine.migrate(source.request))
      expect(error).toMatchObject({ code: 'FORBIDDEN', message: expect.stringContaining('it has to be switched on') as string })
      expect(source.targetRefs()).toBe('')
    }))

  it('whose refs diverged gets no objects either', async () => {
    const source = await stage.seed({ seed })
    const { engine } = stage.engine()
    await engine.migrate(source.request)
    const { pointer, oid } = await stage.sandbox.bitbucket.addLfsObject('PRJ', source.slug, bytesOf(source.slug))
    commitFile(source, 'new.bin', pointer)
    stage.targetGit(source.slug, 'update-ref', 'refs/heads/main', stage.targetGit(source.slug, 'commit-tree', 'main^{tree}', '-p', 'main', '-m', 'theirs'))
    expect(await failureOf(engine.migrate(source.request))).toMatchObject({ code: 'REF_DIVERGED' })
    expect(await stage.sandbox.github.lfsObjectSize('acme', source.slug, oid)).toBeUndefined()
  })
})

/** Puts two blobs into a repository, the second as a delta of the first, as packs of other programs than git have them. */
function plantDelta(path: string, base: string, result: string): [string, string] {
  const [from, to] = [Buffer.from(base), Buffer.from(result)]
  let same = 0
  while (from[same] === to[same]) same++
  const delta = Buffer.concat([
    Buffer.from(varint(from.length)), Buffer.from(varint(to.length)),
    // Copy from offset 0 `same` bytes, then insert the rest.
    Buffer.from([0x90, same]), Buffer.from([to.length - same]), to.subarray(same),
  ])
  const first = Buffer.concat([Buffer.from(objectHeader(3, from.length)), deflateSync(from)])
  const second = Buffer.concat([Buffer.from(objectHeader(6, delta.length)), Buffer.from([first.length]), deflateSync(delta)])
  if (first.length > 127) throw new Error('The distance takes more than a byte.')
  const body = Buffer.concat([Buffer.from('PACK\0\0\0\x02\0\0\0\x02', 'latin1'), first, second])
  const pack = Buffer.concat([body, createHash('sha1').update(body).digest()])
  execFileSync('git', ['-C', path, 'index-pack', '--stdin'], { input: pack, stdio: ['pipe', 'ignore', 'inherit'] })
  const oidOf = (content: Buffer) => createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex')
  return [oidOf(from), oidOf(to)]
}

const treeOf = (path: string, oids: readonly string[]): string =>
  execFileSync('git', ['-C', path, 'mktree'], { input: oids.map((oid, index) => `100644 blob ${oid}\t${index}.bin\n`).join(''), encoding: 'utf8' }).trim()

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >> 7)]
}

function objectHeader(type: number, size: number): number[] {
  const first = (type << 4) | (size & 15)
  return size < 16 ? [first] : [first | 128, ...varint(size >> 4)]
}

