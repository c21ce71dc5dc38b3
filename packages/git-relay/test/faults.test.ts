import { once } from 'node:events'
import { gzipSync } from 'node:zlib'
import { startSandbox, type Sandbox } from '@saddle/sandbox'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listSourceRefs, listTargetRefs, planUpdates, relayPack, type RelayProgress } from '../src/index.ts'
import { AlteringProxy, type Alter } from './altering-proxy.ts'
import { expectEqual, git, pairOn, refsOf, relay, remoteAt, type Pair } from './pair.ts'
import { band, pkts } from './split.ts'

let sandbox: Sandbox

beforeAll(async () => {
  sandbox = await startSandbox()
  sandbox.github.createOrganization({ login: 'acme' })
})
afterAll(() => sandbox.close())

/** Puts a proxy before one side of a pair. */
async function altered(both: Pair, side: 'source' | 'target', alter: Alter): Promise<Pair & AsyncDisposable> {
  const real = both[side]
  const proxy = await AlteringProxy.before(real.url, alter)
  const { authorization = '' } = await real.http.authorization()
  return { ...both, [side]: remoteAt(proxy.url(real.url), authorization), [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose]() }
}

const isFetch = (url = '', protocol?: string | string[]): boolean => url.endsWith('/git-upload-pack') && protocol === 'version=2'

/** Alters the answer that holds the pack; everything else passes. */
const alterPack =
  (change: (body: Buffer) => Buffer | readonly Buffer[]): Alter =>
  async (request, response, forward) => {
    const { status, headers, body } = await forward()
    response.writeHead(status, headers)
    const holdsPack = isFetch(request.url, request.headers['git-protocol']) && body.includes('packfile')
    for (const piece of holdsPack ? [change(body)].flat() : [body]) if (!response.write(piece)) await once(response, 'drain')
    response.end()
  }

const failed = (running: Promise<unknown>): Promise<unknown> => running.then(() => 'it succeeded', (error: unknown) => error)

describe('a source', () => {
  it('that breaks off with the pack whole but not said to be whole moves no ref', async () => {
    const both = await pairOn(sandbox, { seed: { commits: 20, blobSize: 2000 } })
    await using cut = await altered(both, 'source', alterPack((body) => body.subarray(0, -4)))
    await expect(relay(cut)).rejects.toMatchObject({ code: 'PACK_CORRUPT', retryable: true })
    expect(refsOf(both.targetPath)).toBe('')
  })

  it('that gives up in the middle is quoted, and moves no ref', async () => {
    const both = await pairOn(sandbox, { seed: { commits: 20, blobSize: 2000 } })
    const giveUp = (body: Buffer) => Buffer.concat([body.subarray(0, body.indexOf('packfile') + 9), band(1, 'PACK\0\0\0\x02\0\0\0\x09'), band(3, 'fatal: \u001b[31mbad tree'), pkts('0000')])
    await using broken = await altered(both, 'source', alterPack(giveUp))
    await expect(relay(broken)).rejects.toMatchObject({ code: 'UPSTREAM_ERROR', message: expect.stringContaining('It says: fatal: bad tree') as string })
    expect(refsOf(both.targetPath)).toBe('')
  })

  it.each([
    ['no pack', Buffer.from('0000'), 'UPSTREAM_ERROR'],
    ['an ERR line', pkts('ERR upload-pack: out of memory\n'), 'UPSTREAM_ERROR'],
    ['an ERR line about an object', pkts(`ERR upload-pack: not our ref ${'a'.repeat(40)}\n`), 'CONFLICT'],
    ['an empty pack stream', pkts('packfile\n', '0000'), 'PACK_CORRUPT'],
    ['something else than a pack', Buffer.concat([pkts('packfile\n'), band(1, 'this is not a pack'), pkts('0000')]), 'PACK_CORRUPT'],
  ])('that sends %s moves no ref', async (_, body, code) => {
    const both = await pairOn(sandbox, { seed: { commits: 2 } })
    await using broken = await altered(both, 'source', alterPack(() => body))
    await expect(relay(broken)).rejects.toMatchObject({ code })
    expect(refsOf(both.targetPath)).toBe('')
  })

  it('that lies about its pack moves no ref: the objects of another history', async () => {
    const both = await pairOn(sandbox, { seed: { commits: 5 } })
    const other = await pairOn(sandbox, { seed: { commits: 3 } })
    let lie: Buffer = Buffer.alloc(0)
    await using listening = await altered(other, 'source', alterPack((body) => (lie = body)))
    await relay(listening)
    await using lying = await altered(both, 'source', alterPack(() => lie))
    const { outcomes } = await relay(lying)
    expect(outcomes).toMatchObject([{ status: 'rejected', code: 'PACK_CORRUPT', reason: expect.stringContaining('missing necessary objects') as string }])
    expect(refsOf(both.targetPath)).toBe('')
  })

  it('that keeps the line alive while it counts, sends in tiny pieces and writes for people', async () => {
    const both = await pairOn(sandbox, { seed: { commits: 3 } })
    const slow = (body: Buffer) => {
      const start = body.indexOf('packfile') + 9
      const words = Buffer.from('Counting objects:  50% (1/2)\rCounting objects: 100% (2/2), done.\nhello \u001b[2Jthere\n')
      const keepAlives = [band(1, ''), band(1, ''), band(2, words.subarray(0, 40)), band(1, ''), band(2, words.subarray(40))]
      return [body.subarray(0, start), ...keepAlives, ...[...body.subarray(start)].map((byte) => Buffer.from([byte]))]
    }
    await using live = await altered(both, 'source', alterPack(slow))
    const seen: RelayProgress[] = []
    await relay(live, { onProgress: (progress) => seen.push(progress) })
    expectEqual(both)
    expect(seen).toContainEqual({ phase: 'counting', objects: 2, totalObjects: 2, bytes: 0 })
    expect(seen).toContainEqual(expect.objectContaining({ message: 'hello there' }))
    expect(seen.findLast(({ phase }) => phase === 'transferring')).toMatchObject({ objects: 12, totalObjects: 12 })
  })

  it('may answer compressed', async () => {
    const both = await pairOn(sandbox, { seed: { commits: 30 } })
    await using compressing = await altered(both, 'source', async (_request, response, forward) => {
      const { status, headers, body } = await forward()
      response.writeHead(status, { ...headers, 'content-encoding': 'gzip' }).end(gzipSync(body))
    })
    await relay(compressing)
    expectEqual(both)
  })

  it.each([400, 405, 500])('that fails at a command of version 2 (%i) is asked in the ordinary way', async (status) => {
    const both = await pairOn(sandbox, { seed: { commits: 3 } })
    let commands = 0
    await using old = await altered(both, 'source', async (request, response, forward) => {
      if (isFetch(request.url, request.headers['git-protocol']) && commands++ === 0) {
        request.resume()
        response.writeHead(status).end()
        return
      }
      const answer = await forward()
      response.writeHead(answer.status, answer.headers).end(answer.body)
    })
    expect((await listSourceRefs(old.source)).refs.size).toBe(1)
  })

  it('is listed anew when the listing breaks off', async () => {
    const both = await pairOn(sandbox, { seed: { commits: 3, branches: 50 } })
    sandbox.bitbucket.fault({ path: `${both.name}.git/git-upload-pack`, action: { resetAfter: 500 } })
    sandbox.bitbucket.fault({ path: `${both.name}.git/info/refs`, action: { truncateAfter: 20 } })
    sandbox.github.fault({ path: `${both.name}.git/info/refs`, action: { truncateAfter: 20 } })
    expect((await listSourceRefs(both.source)).refs.size).toBe(50)
    expect((await listTargetRefs(both.target)).refs.size).toBe(0)
  })

  it('whose branch was rewritten since the listing says so', async () => {
    const both = await pairOn(sandbox, { seed: { commits: 3 } })
    const [sourceRefs, targetRefs] = [await listSourceRefs(both.source), await listTargetRefs(both.target)]
    const tree = git(both.sourcePath, ['rev-parse', 'main^{tree}']).trim()
    git(both.sourcePath, ['update-ref', 'refs/heads/main', git(both.sourcePath, ['commit-tree', '-m', 'anew', tree]).trim()])
    git(both.sourcePath, ['reflog', 'expire', '--expire=now', '--all'])
    git(both.sourcePath, ['-c', 'gc.pruneExpire=now', 'gc', '--quiet', '--prune=now'])
    const updates = planUpdates({ source: sourceRefs, target: targetRefs })
    await expect(relayPack({ ...both, sourceRefs, targetRefs, updates })).rejects.toMatchObject({ code: 'CONFLICT', retryable: true })
    await relay(both)
    expectEqual(both)
  })
})

describe('a target', () => {
  it('that refuses a large push early is heard, and the source is not read to its end', async () => {
    await using limited = await startSandbox({ github: { packLimit: 1_000_000 } })
    limited.github.createOrganization({ login: 'acme' })
    const both = await pairOn(limited, { seed: { commits: 300, blobSize: 200_000 } })
    await expect(relay(both)).rejects.toMatchObject({ code: 'PACK_TOO_LARGE' })
    expect(refsOf(both.targetPath)).toBe('')
    const fetched = limited.bitbucket.requests.findLast(({ path }) => path.endsWith('git-upload-pack'))
    expect(fetched?.bytesOut).toBeLessThan(55_000_000)
  })

  it.each([
    [413, 'PACK_TOO_LARGE'],
    [401, 'AUTHENTICATION_FAILED'],
    [503, 'UPSTREAM_ERROR'],
  ])('that answers %i while it is sent to, and hangs up, is heard', async (status, code) => {
    const both = await pairOn(sandbox, { seed: { commits: 100, blobSize: 200_000 } })
    await using refusing = await altered(both, 'target', async (request, response, forward) => {
      if (request.method === 'POST') {
        response.writeHead(status, { 'content-type': 'text/plain', connection: 'close' }).end('not like this')
        return
      }
      const answer = await forward()
      response.writeHead(answer.status, answer.headers).end(answer.body)
    })
    await expect(relay(refusing)).rejects.toMatchObject({ code, message: expect.stringContaining('not like this') as string })
  })

  it('whose answer is lost has moved its refs: the next run has nothing to do', async () => {
    const both = await pairOn(sandbox, { seed: { commits: 3 } })
    sandbox.github.fault({ path: `${both.name}.git/git-receive-pack`, method: 'POST', action: { dropAnswer: true } })
    await expect(relay(both)).rejects.toMatchObject({ code: 'NETWORK', retryable: true })
    expect(await relay(both)).toMatchObject({ outcomes: [] })
    expectEqual(both)
  })

  it('whose ref moved since the listing keeps it', async () => {
    const both = await pairOn(sandbox, { seed: { commits: 3, branches: 2 } })
    const [sourceRefs, targetRefs] = [await listSourceRefs(both.source), await listTargetRefs(both.target)]
    const theirs = git(both.targetPath, ['commit-tree', '-m', 'theirs', git(both.targetPath, ['mktree'], Buffer.alloc(0)).trim()]).trim()
    git(both.targetPath, ['update-ref', 'refs/heads/main', theirs])
    const { outcomes } = await relayPack({ ...both, sourceRefs, targetRefs, updates: planUpdates({ source: sourceRefs, target: targetRefs }) })
    expect(outcomes).toMatchObject([{ ref: 'refs/heads/branch-1', status: 'ok' }, { ref: 'refs/heads/main', status: 'rejected', code: 'REF_REJECTED' }])
    expect(refsOf(both.targetPath)).toContain(`${theirs} refs/heads/main`)
  })

  it('that hides a namespace says so, and takes the rest', async () => {
    const both = await pairOn(sandbox, { seed: { commits: 3 } })
    git(both.sourcePath, ['update-ref', 'refs/pull/1/head', 'main'])
    const [sourceRefs, targetRefs] = [await listSourceRefs(both.source), await listTargetRefs(both.target)]
    const updates = planUpdates({ source: sourceRefs, target: targetRefs, namespaces: ['refs/'] })
    expect((await relayPack({ ...both, sourceRefs, targetRefs, updates })).outcomes).toMatchObject([
      { ref: 'refs/heads/main', status: 'ok' },
      { ref: 'refs/pull/1/head', status: 'rejected', code: 'REF_HIDDEN' },
    ])
  })

  it('that confirms and writes nothing is found out by its refs', async () => {
    const both = await pairOn(sandbox, { seed: { commits: 3 } })
    sandbox.github.fault({ path: `${both.name}.git/git-receive-pack`, method: 'POST', action: { lie: true } })
    expect((await relay(both)).outcomes).toMatchObject([{ status: 'ok' }])
    expect((await listTargetRefs(both.target)).refs.size).toBe(0)
  })
})

describe('either side', () => {
  it.each(['source', 'target'] as const)('is no git server when it answers with a page: the %s', async (side) => {
    const both = await pairOn(sandbox, { seed: { commits: 3 } })
    await using page = await altered(both, side, (request, response) => {
      request.resume()
      response.writeHead(200, { 'content-type': 'text/html' }).end('<!DOCTYPE html>')
    })
    await expect(relay(page)).rejects.toMatchObject({ code: 'PROTOCOL_ERROR', message: expect.stringContaining('text/html') as string })
  })

  it('that does not accept the credentials is asked once', async () => {
    const both = await pairOn(sandbox, { seed: { commits: 3 } })
    const source = remoteAt(both.source.url, 'Bearer wrong-token')
    const target = remoteAt(both.target.url, `Basic ${Buffer.from('x-access-token:wrong-token').toString('base64')}`)
    const requests = () => sandbox.bitbucket.requests.length + sandbox.github.requests.length
    const before = requests()
    await expect(listSourceRefs(source)).rejects.toMatchObject({ code: 'AUTHENTICATION_FAILED' })
    await expect(listTargetRefs(target)).rejects.toMatchObject({ code: 'AUTHENTICATION_FAILED' })
    expect(requests() - before).toBe(2)
  })

  it('that wants a captcha solved is not asked again', async () => {
    const both = await pairOn(sandbox, { seed: { commits: 3 } })
    const headers = { 'X-Authentication-Denied-Reason': 'CAPTCHA_CHALLENGE; login-url=https://bitbucket.example.com/login' }
    const fault = sandbox.bitbucket.fault({ path: both.name, action: { status: 403, headers }, times: 9 })
    await expect(listSourceRefs(both.source)).rejects.toMatchObject({ code: 'CAPTCHA_REQUIRED', retryable: false })
    expect(fault.hits).toBe(1)
  })

  it.each([
    ['the listing of the source', 'bitbucket', 'git-upload-pack', 0],
    ['the listing of the target', 'github', 'info/refs', 0],
    ['counting at the source', 'bitbucket', 'git-upload-pack', 1],
    ['the push', 'github', 'git-receive-pack', 1],
  ] as const)('is let go of within a second: in %s', async (_, side, path, skip) => {
    const both = await pairOn(sandbox, { seed: { commits: 3 } })
    const fault = sandbox[side].fault({ path: new RegExp(`${both.name}\\.git/.*${path}`), skip, action: { stall: true } })
    const abort = new AbortController()
    const running = failed(relay(both, { signal: abort.signal }))
    await fault.fired
    const at = performance.now()
    abort.abort()
    expect(await running).toMatchObject({ code: 'ABORTED' })
    expect(performance.now() - at).toBeLessThan(1000)
    expect(refsOf(both.targetPath)).toBe('')
    fault.remove()
  })

  it.each([
    ['source', 'bitbucket', 'git-upload-pack'],
    ['target', 'github', 'git-receive-pack'],
  ] as const)('is given up when it gives no sign of life: the %s', async (_, side, path) => {
    const both = await pairOn(sandbox, { seed: { commits: 3 } })
    const fault = sandbox[side].fault({ path: `${both.name}.git/${path}`, method: 'POST', skip: side === 'bitbucket' ? 1 : 0, action: { stall: true } })
    await expect(relay(both, { patience: 200 })).rejects.toMatchObject({ code: 'TIMEOUT', retryable: true })
    fault.remove()
  })
})
