import { execFile } from 'node:child_process'
import { access } from 'node:fs/promises'
import { request, type IncomingMessage } from 'node:http'
import { promisify } from 'node:util'
import { generate } from 'selfsigned'
import { describe, expect, it } from 'vitest'
import { startSandbox, type Sandbox } from '../src/index.ts'
import { basic, bearer, git, temporaryFolder, tryGit } from './support.ts'

const packet = (payload: string) => (payload.length + 4).toString(16).padStart(4, '0') + payload

/** Asks for the whole pack of a repository, and leaves its answer unread. */
async function askForPack(sandbox: Sandbox, cloneUrl: string, path: string): Promise<IncomingMessage> {
  const tip = (await git(path, ['rev-parse', 'HEAD'])).trim()
  const body = `${packet(`want ${tip} ofs-delta side-band-64k no-progress\n`)}0000${packet('done\n')}`
  return new Promise((resolve, reject) => {
    const headers = { authorization: bearer(sandbox.bitbucket.token), 'content-type': 'application/x-git-upload-pack-request' }
    request(`${cloneUrl}/git-upload-pack`, { method: 'POST', headers }, resolve).on('error', reject).end(body)
  })
}

describe('packs', () => {
  it('wait for a reader that is slow, and are whole in the end', async () => {
    await using sandbox = await startSandbox()
    const { cloneUrl, path } = await sandbox.bitbucket.createRepository({ project: 'P', slug: 'big', seed: { commits: 50, blobSize: 1 << 20 } })
    const answer = await askForPack(sandbox, cloneUrl, path)
    const [record] = sandbox.bitbucket.requests
    let before = -1
    // Until nothing more is taken: buffers of the connection are full.
    await expect.poll(() => {
      const still = record!.bytesOut > 0 && record!.bytesOut === before
      before = record!.bytesOut
      return still
    }, { interval: 200 }).toBe(true)
    expect(record!.bytesOut).toBeLessThan(25 << 20)
    let received = 0
    for await (const chunk of answer as AsyncIterable<Buffer>) received += chunk.length
    expect(received).toBeGreaterThan(50 << 20)
    expect(record!.bytesOut).toBe(received)
  })

  it('end with a client that goes away', async () => {
    await using sandbox = await startSandbox()
    const { cloneUrl, path } = await sandbox.bitbucket.createRepository({ project: 'P', slug: 'big', seed: { commits: 50, blobSize: 1 << 20 } })
    const answer = await askForPack(sandbox, cloneUrl, path)
    answer.destroy()
    await expect.poll(() => sandbox.bitbucket.requests[0]!.durationMs).toBeDefined()
    expect((await tryGit('/', ['ls-remote', cloneUrl], bearer(sandbox.bitbucket.token))).ok).toBe(true)
  })
})

describe('a sandbox', () => {
  it('leaves nothing behind when it is closed, not even with requests under way', async () => {
    const sandbox = await startSandbox()
    const { path, cloneUrl } = await sandbox.bitbucket.createRepository({ project: 'P', slug: 'r', seed: { commits: 50, blobSize: 1 << 20 } })
    const fault = sandbox.bitbucket.fault({ path: 'projects', action: { stall: true } })
    const stalled = fetch(`${sandbox.bitbucket.url}/rest/api/latest/projects`).then(() => 'answered', () => 'cut off')
    const answer = await askForPack(sandbox, cloneUrl, path)
    answer.on('error', () => {})
    await fault.fired
    await sandbox.close()
    expect(await stalled).toBe('cut off')
    await expect(access(path)).rejects.toThrow()
  })

  it('keeps a folder that it was given', async () => {
    const root = await temporaryFolder()
    const sandbox = await startSandbox({ root })
    const { path } = await sandbox.github.createRepository({ owner: 'admin', name: 'r' })
    await sandbox.close()
    await access(path)
  })

  it('serves https', async () => {
    const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }])
    await using sandbox = await startSandbox({ tls: { key, cert } })
    const { cloneUrl } = await sandbox.github.createRepository({ owner: 'admin', name: 'r', seed: { commits: 1 } })
    expect(cloneUrl).toMatch(/^https:/)
    const { stdout } = await promisify(execFile)('git', ['-c', 'http.sslVerify=false', '-c', `http.extraHeader=Authorization: ${basic('x', sandbox.github.token)}`, 'ls-remote', cloneUrl])
    expect(stdout).toContain('refs/heads/main')
    sandbox.github.fault({ path: 'info/refs', action: { reset: true } })
    expect((await tryGit('/', ['-c', 'http.sslVerify=false', 'ls-remote', cloneUrl])).ok).toBe(false)
  })

  it('answers paths that name nothing', async () => {
    await using sandbox = await startSandbox()
    const statusOf = async (url: string) => (await fetch(url, { headers: { authorization: bearer(sandbox.bitbucket.token) } })).status
    const { url } = sandbox.bitbucket
    for (const path of ['/scm/%ff/x.git/info/refs?service=git-upload-pack', '/scm/a/..%2f..%2fetc/info/refs?service=git-upload-pack', '/scm/a/b.git/objects/pack', '/rest/api/latest/projects/..%2f..%2fx/repos']) {
      expect([path, await statusOf(url + path)]).toEqual([path, 404])
    }
  })
})
