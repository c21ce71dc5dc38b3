import { describe, expect, it } from 'vitest'
import { everySplit, pieces, pkts } from '../test/split.ts'
import { lsRefsRequest, readLsRefs } from './ls-refs.ts'
import { PktReader } from './pkt-line.ts'
import { version } from './version.ts'

const a = 'a'.repeat(40)
const b = 'b'.repeat(40)
const all = () => true

describe('ls-refs', () => {
  it('asks for tips, peeled tags and where HEAD points to, of some prefixes or of all', () => {
    const head = pkts('command=ls-refs\n', `agent=saddle/${version}\n`).toString()
    expect(lsRefsRequest(undefined, 'sha1')).toBe(`${head}0001${pkts('peel\n', 'symrefs\n').toString()}0000`)
    expect(lsRefsRequest(['refs/heads/'], 'sha1')).toContain(pkts('ref-prefix HEAD\n', 'ref-prefix refs/heads/\n').toString())
    expect(lsRefsRequest(undefined, 'sha256')).toContain(pkts('object-format=sha256\n').toString())
  })

  it('counts the bytes of a prefix, not its characters', () => {
    expect(Buffer.from(lsRefsRequest(['refs/heads/ü🌭'], 'sha1'), 'latin1').includes(pkts('ref-prefix refs/heads/ü🌭\n'))).toBe(true)
  })

  it('reads an answer wherever it is split', async () => {
    const bytes = pkts(
      `${a} HEAD symref-target:refs/heads/main\n`,
      `${a} refs/heads/main\n`,
      `${b} refs/tags/v1 peeled:${a}\n`,
      Buffer.concat([Buffer.from(`${b} refs/heads/`), Buffer.from([0xff, 0xfe]), Buffer.from('🌭\n')]),
      '0000',
    )
    for (const split of everySplit(bytes)) {
      expect(await readLsRefs(new PktReader(split), 'sha1', all)).toEqual({
        protocol: 2,
        objectFormat: 'sha1',
        head: 'refs/heads/main',
        refs: new Map([
          ['refs/heads/main', { oid: a }],
          ['refs/tags/v1', { oid: b, peeled: a }],
          ['refs/heads/\udcff\udcfe🌭', { oid: b }],
        ]),
        haves: [],
        capabilities: new Map(),
      })
    }
  })

  it('takes an answer that ends early, or is none, for none', async () => {
    for (const lines of [[], [`${a} refs/heads/main\n`], ['unborn HEAD symref-target:refs/heads/main\n', '0000'], ['0001', '0000']]) {
      await expect(readLsRefs(new PktReader(pieces(pkts(...lines))), 'sha1', all)).rejects.toMatchObject({ code: 'PROTOCOL_ERROR' })
    }
  })
})
