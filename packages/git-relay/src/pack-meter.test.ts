import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { everySplit } from '../test/split.ts'
import { emptyPack, PackMeter } from './pack-meter.ts'

describe('measuring a pack', () => {
  it('finds the number of objects in the header, wherever it is split', async () => {
    const bytes = Buffer.concat([Buffer.from('PACK'), Buffer.from([0, 0, 0, 2, 0, 1, 0, 2]), Buffer.from('objects')])
    for (const split of everySplit(bytes)) {
      const meter = new PackMeter()
      for await (const piece of split) meter.add(piece)
      expect(meter).toMatchObject({ bytes: 19, objects: 65_538 })
    }
  })

  it.each(['PUCK\0\0\0\x02\0\0\0\0', 'PACK\0\0\0\x04\0\0\0\0', '<!DOCTYPE html>'])('refuses %j', (bytes) => {
    expect(() => new PackMeter().add(Buffer.from(bytes, 'latin1'))).toThrow(expect.objectContaining({ code: 'PACK_CORRUPT' }) as Error)
  })
})

describe('the pack without objects', () => {
  it.each(['sha1', 'sha256'] as const)('is one to git: %s', (format) => {
    const folder = mkdtempSync(join(tmpdir(), 'saddle-empty-pack-'))
    try {
      execFileSync('git', ['init', '-q', '--bare', `--object-format=${format}`, folder])
      expect(() => execFileSync('git', ['-C', folder, 'index-pack', '--stdin'], { input: emptyPack(format), stdio: 'pipe' })).not.toThrow()
      expect(() => execFileSync('git', ['-C', folder, 'index-pack', '--stdin'], { input: emptyPack(format).fill(0, -1), stdio: 'pipe' })).toThrow()
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
