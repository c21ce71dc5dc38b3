import { describe, expect, it } from 'vitest'
import { everySplit, pieces, pkts } from '../test/split.ts'
import { PktReader } from './pkt-line.ts'
import { readReportStatus } from './report-status.ts'

const read = (...lines: (string | Buffer)[]) => readReportStatus(new PktReader(pieces(pkts(...lines))))

describe('the report on a push', () => {
  it('is read wherever it is split', async () => {
    const bytes = pkts('unpack ok\n', 'ok refs/heads/main\n', 'ng refs/heads/x pre-receive hook declined\n', 'ok refs/tags/v1\n', '0000')
    for (const split of everySplit(bytes)) {
      expect(await readReportStatus(new PktReader(split))).toEqual({
        unpack: 'ok',
        refs: new Map([
          ['refs/heads/main', {}],
          ['refs/heads/x', { rejected: 'pre-receive hook declined' }],
          ['refs/tags/v1', {}],
        ]),
      })
    }
  })

  it('tells in version 2 where a ref went, if not where it should', async () => {
    const { refs } = await read(
      'unpack ok\n', 'ok refs/heads/main\n', 'option refname refs/heads/other\n', `option new-oid ${'b'.repeat(40)}\n`, 'option forced-update\n',
      'ok refs/heads/x\n', '0000',
    )
    expect(refs).toEqual(new Map([['refs/heads/main', { newOid: 'b'.repeat(40) }], ['refs/heads/x', {}]]))
  })

  it('tells why a pack was not taken', async () => {
    expect(await read('unpack index-pack abnormal exit\n', 'ng refs/heads/main unpacker error\n', '0000')).toMatchObject({ unpack: 'index-pack abnormal exit' })
  })

  it('keeps names that are not UTF-8 or that objects have already', async () => {
    const { refs } = await read('unpack ok\n', Buffer.concat([Buffer.from('ng refs/heads/'), Buffer.from([0xff]), Buffer.from(' no\n')]), 'ok refs/heads/__proto__\n', '0000')
    expect([...refs]).toEqual([['refs/heads/\udcff', { rejected: 'no' }], ['refs/heads/__proto__', {}]])
  })

  it('leaves nothing certain when it is cut short', async () => {
    for (const lines of [[], ['unpack ok\n'], ['unpack ok\n', 'ok refs/heads/main\n'], ['0000'], ['unpack ok\n', '0001']]) {
      await expect(read(...lines)).rejects.toMatchObject({ code: 'PROTOCOL_ERROR', retryable: true })
    }
  })

  it('passes on what a server says in an ERR line', async () => {
    await expect(read('ERR disk is full\n')).rejects.toThrow('disk is full')
  })
})
