import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readPack, type PackObject } from './pack-reader.ts'

let repository: string
const git = (args: string[], input?: string | Buffer) =>
  execFileSync('git', ['-C', repository, '-c', 'user.name=A', '-c', 'user.email=a@example.com', ...args], { input, maxBuffer: 1 << 28 })

beforeAll(() => {
  repository = mkdtempSync(join(tmpdir(), 'saddle-pack-'))
  git(['init', '-q', '--initial-branch=main'])
  // Blobs that differ little, so that git makes deltas of them; one empty, one that does not compress.
  let stream = ''
  for (let n = 1; n <= 60; n++) {
    const text = Array.from({ length: 80 }, (_, line) => `line ${line} ${line === n ? 'changed' : ''}\n`).join('')
    stream += `commit refs/heads/main\ncommitter A <a@example.com> ${1e9 + n} +0000\ndata 7\nchange\n\nM 100644 inline f\ndata ${text.length}\n${text}\nM 100644 inline empty\ndata 0\n\n`
  }
  git(['fast-import', '--quiet'], stream)
  git(['tag', '-a', 'v1', '-m', 'one', 'main'])
})
afterAll(() => rmSync(repository, { recursive: true, force: true }))

const packOf = (...options: string[]): Buffer => git(['pack-objects', '--all', '--revs', '--stdout', '-q', '--no-reuse-delta', ...options], '')

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function collect(bytes: Buffer, size = 4096): Promise<PackObject[]> {
  const objects: PackObject[] = []
  for await (const object of readPack(inPieces(bytes, size))) objects.push(object)
  return objects
}

const expectedObjects = () =>
  git(['cat-file', '--batch-all-objects', '--batch-check=%(objectname) %(objecttype) %(objectsize)']).toString().trim().split('\n').sort()
const described = (objects: PackObject[]) => objects.map(({ oid, type, data }) => `${oid} ${type} ${data.length}`).sort()

describe('readPack', () => {
  it.each([
    ['offset deltas', ['--delta-base-offset']],
    ['ref deltas', []],
    ['no deltas', ['--window=0']],
  ])('reads every object of a pack with %s', async (_, options) => {
    expect(described(await collect(packOf(...options)))).toEqual(expectedObjects())
  })

  it.each([1, 7, 13])('reads a pack that comes %i bytes at a time', async (size) => {
    expect(described(await collect(packOf('--delta-base-offset'), size))).toEqual(expectedObjects())
  })

  it('takes a pack without objects', async () => {
    const empty = git(['pack-objects', '--stdout', '-q'], '')
    expect(await collect(empty)).toEqual([])
  })

  it('refuses a pack cut anywhere', async () => {
    const pack = packOf('--delta-base-offset')
    for (let part = 0; part < 10; part++) {
      await expect(collect(pack.subarray(0, Math.floor((pack.length * part) / 10)))).rejects.toMatchObject({ code: 'PACK_CORRUPT' })
    }
  })

  it('refuses a pack with a changed byte', async () => {
    const pack = packOf('--delta-base-offset')
    for (let part = 0; part < 10; part++) {
      const damaged = Buffer.from(pack)
      const at = Math.floor((pack.length * part) / 10) + 3
      damaged[at] = damaged[at]! ^ 0xff
      await expect(collect(damaged)).rejects.toMatchObject({ code: 'PACK_CORRUPT' })
    }
  })

  it('holds no more in memory than it may, and says so when a delta reaches further back', async () => {
    const count = async (memoryLimit: number) => {
      let objects = 0
      for await (const object of readPack(inPieces(packOf('--delta-base-offset'), 4096), { memoryLimit })) objects += object.oid.length / 40
      return objects
    }
    await expect(count(1000)).rejects.toMatchObject({ code: 'PACK_TOO_LARGE', context: { limitBytes: 1000 } })
    expect(await count(10_000_000)).toBe(expectedObjects().length)
  })

  it('refuses an object larger than it was told to expect', async () => {
    const reading = async () => {
      for await (const object of readPack(inPieces(packOf('--window=0'), 4096), { objectLimit: 100 })) void object
    }
    await expect(reading()).rejects.toMatchObject({ code: 'PACK_CORRUPT' })
  })
})
