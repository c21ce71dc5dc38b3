import * as nodeFs from 'node:fs'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { IsomorphicBackend } from '../src/git/isomorphic.ts'
import { setStage, type Stage } from './stage.ts'

let stage: Stage
let folder: string
beforeAll(async () => {
  stage = await setStage({ bitbucket: { protocol: 0 } })
  folder = mkdtempSync(join(tmpdir(), 'saddle-isomorphic-'))
})
afterAll(async () => {
  await stage.close()
  rmSync(folder, { recursive: true })
})

describe('the isomorphic backend', () => {
  it('is what a request can ask for', async () => {
    const seeded = await stage.seed({ seed: { commits: 5, tags: 2 } })
    const report = await stage.engine().engine.migrate({ ...seeded.request, options: { git: 'isomorphic' } })
    expect(report).toMatchObject({ status: 'completed', gitBackend: { name: 'isomorphic' } })
    expect(seeded.targetRefs()).toBe(seeded.refs())
  })

  it('works on a file system of the host, and leaves it as it was', async () => {
    const paths = new Set<string>()
    const promises = new Proxy(nodeFs.promises, {
      get: (real, name) => (path: string, ...rest: unknown[]) => {
        if (typeof path === 'string') paths.add(path)
        return (Reflect.get(real, name) as (...args: unknown[]) => unknown)(path, ...rest)
      },
    })
    const seeded = await stage.seed({ seed: { commits: 30, blobSize: 4000 } })
    const git = new IsomorphicBackend({ fs: { promises }, workDirectory: folder })
    await stage.engine({ git, packBytes: 60_000 }).engine.migrate(seeded.request)
    expect(seeded.targetRefs()).toBe(seeded.refs())
    expect(paths.size).toBeGreaterThan(3)
    expect([...paths].every((path) => path.startsWith(folder))).toBe(true)
    expect(readdirSync(folder)).toEqual([])
  })

  it('takes nothing over its bound, and says so', async () => {
    const seeded = await stage.seed({ seed: { commits: 30, blobSize: 40_000 } })
    const git = new IsomorphicBackend({ sizeLimitBytes: 1024 * 1024 })
    await expect(stage.engine({ git }).engine.migrate(seeded.request)).rejects.toMatchObject({
      code: 'PACK_TOO_LARGE', message: expect.stringContaining('over the 1 MiB') as string, context: { limitBytes: 1024 * 1024 },
    })
    expect(seeded.targetRefs()).toBe('')
  })

  it('is chosen where the relay cannot do it and there is no git program', async () => {
    const seeded = await stage.seed({ seed: { commits: 30, blobSize: 4000 } })
    const child = stage.start('crash-child.mjs', { request: seeded.request, packBytes: 60_000 }, { PATH: folder, TMPDIR: folder })
    expect(JSON.parse(await text(child.stdout))).toMatchObject({ gitBackend: { name: 'isomorphic', reason: expect.stringContaining('version 2') as string }, files: [] })
    expect(seeded.targetRefs()).toBe(seeded.refs())
  })
})
