import { describe, expect, it } from 'vitest'
import { everySplit, pieces, pkts } from '../test/split.ts'
import { readAdvertisement } from './advertisement.ts'
import { PktReader } from './pkt-line.ts'
import type { RefListing } from './refs.ts'

const a = 'a'.repeat(40)
const b = 'b'.repeat(40)
const c = 'c'.repeat(40)
const capabilities = 'multi_ack symref=HEAD:refs/heads/main symref=refs/heads/x:refs/heads/y agent=git/2.40'
const service = ['# service=git-upload-pack\n', '0000']

const parse = (bytes: AsyncIterable<Buffer>, wanted = (_ref: string) => true) => readAdvertisement(new PktReader(bytes), wanted)
const listing = async (...lines: (string | Buffer)[]): Promise<RefListing> => {
  const parsed = await parse(pieces(pkts(...lines)))
  if (!('refs' in parsed)) throw new Error('no refs')
  return parsed
}

describe('an advertisement', () => {
  it('is read wherever it is split', async () => {
    const bytes = pkts(...service, `${a} HEAD\0${capabilities}\n`, `${a} refs/heads/main\n`, `${b} refs/tags/v1\n`, `${c} refs/tags/v1^{}\n`, '0000')
    for (const split of everySplit(bytes)) {
      expect(await parse(split)).toEqual({
        protocol: 0,
        objectFormat: 'sha1',
        head: 'refs/heads/main',
        refs: new Map([
          ['refs/heads/main', { oid: a }],
          ['refs/tags/v1', { oid: b, peeled: c }],
        ]),
        haves: [],
        capabilities: expect.any(Map) as Map<string, string>,
      })
    }
  })

  it('knows version 1, and what version 2 can do', async () => {
    expect(await listing(...service, 'version 1\n', `${a} refs/heads/main\0agent=x\n`, '0000')).toMatchObject({ protocol: 1, refs: new Map([['refs/heads/main', { oid: a }]]) })
    expect(await parse(pieces(pkts(...service, 'version 2\n', 'ls-refs=unborn\n', 'fetch=shallow filter\n', 'object-format=sha256\n', '0000')))).toEqual({
      protocol: 2,
      capabilities: new Map([['ls-refs', 'unborn'], ['fetch', 'shallow filter'], ['object-format', 'sha256']]),
    })
  })

  it('knows empty repositories, which still say what they can do', async () => {
    expect(await listing(...service, '0000')).toMatchObject({ refs: new Map() })
    const empty = await listing('# service=git-receive-pack\n', '0000', `${'0'.repeat(64)} capabilities^{}\0report-status object-format=sha256\n`, '0000')
    expect(empty).toMatchObject({ refs: new Map(), objectFormat: 'sha256' })
    expect([...empty.capabilities]).toEqual([['report-status', ''], ['object-format', 'sha256']])
  })

  it('keeps what a target has without a ref apart from its refs', async () => {
    expect(await listing(`${a} refs/heads/main\0report-status\n`, `${b} .have\n`, `${b} .have\n`, `${c} .have\n`, '0000')).toMatchObject({
      refs: new Map([['refs/heads/main', { oid: a }]]),
      haves: [b, c],
    })
  })

  it('takes names as data', async () => {
    const names = ['refs/heads/__proto__', 'refs/heads/constructor', 'refs/heads/-x', 'refs/heads/$(id)', 'refs/heads/🌭', 'refs/heads/a\u202eb']
    const { refs } = await listing(...names.map((name, index) => `${a} ${name}${index === 0 ? '\0agent=x' : ''}\n`), '0000')
    expect([...refs.keys()]).toEqual(names)
    expect(refs.get('refs/heads/__proto__')).toEqual({ oid: a })
  })

  it('keeps only what is wanted', async () => {
    const bytes = pkts(`${a} refs/heads/main\0x\n`, `${b} refs/pull/1/head\n`, `${c} refs/pull/1/head^{}\n`, '0000')
    expect(await parse(pieces(bytes), (ref) => ref.startsWith('refs/heads/'))).toMatchObject({ refs: new Map([['refs/heads/main', { oid: a }]]) })
  })

  it.each([
    ['a name that git does not allow', [`${a} refs/heads/a b\0x\n`, '0000']],
    ['a line without an object id', ['hello\n', '0000']],
    ['an object id of another length', [`${'a'.repeat(41)} refs/heads/main\0x\n`, '0000']],
    ['an end before the flush packet', [`${a} refs/heads/main\0x\n`]],
    ['a packet of version 2 among refs', [`${a} refs/heads/main\0x\n`, '0001', '0000']],
    ['nothing at all', []],
  ])('fails at %s', async (_, lines) => {
    await expect(listing(...lines)).rejects.toMatchObject({ code: 'PROTOCOL_ERROR' })
  })

  it('tells what a server says in an ERR line, without what would act on a terminal', async () => {
    await expect(listing(...service, 'ERR access \u001b[31mdenied\u001b]8;;http://x\u0007\n')).rejects.toMatchObject({
      code: 'UPSTREAM_ERROR',
      message: 'The git server refuses: access denied',
    })
  })
})
