import { beforeAll, describe, expect, it } from 'vitest'
import { sampleBulk, sampleItem } from '../src/bulk/contract.ts'
import { bulkReport, MemoryStore, type ReportFormat } from '../src/index.ts'
import { sampleRecord } from '../src/store/sample.ts'

const at = (second: number): string => new Date(Date.UTC(2024, 4, 1, 10, 0, second)).toISOString()
const evil = `</title><script>alert("1")</script>&'`
const store = new MemoryStore()

async function report(id: string, format: ReportFormat): Promise<string> {
  let text = ''
  for await (const chunk of bulkReport(store, id, format)) text += chunk
  return text
}

const request = (repository: string) => ({
  ...sampleRecord('x').request, source: { project: 'PROJ', repository }, target: { ...sampleRecord('x').request.target, owner: 'acme', name: repository },
})

beforeAll(async () => {
  const error = { code: 'REF_REJECTED', message: `${evil}\u202e`, retryable: false } as const
  await store.bulks.create(sampleBulk('b', { label: evil, status: 'failed', startedAt: at(0), endedAt: at(90), credentialRef: 'canary-reference' }), [
    sampleItem('arrived', { request: request('=HYPERLINK("http://x")'), status: 'completed', startedAt: at(0), endedAt: at(40), bytes: 3000, attempts: 2 }),
    sampleItem('refused', { request: request(evil), status: 'failed', startedAt: at(5), endedAt: at(90), bytes: 70, attempts: 1, error }),
    sampleItem('waiting', { request: request('plain'), status: 'cancelled' }),
  ])
  const loss = { kind: 'pull-requests', subject: `Pull requests ${evil}`, count: 1234, reason: 'GitHub cannot import them.' } as const
  await store.createMigration(sampleRecord('arrived', {
    status: 'completed', losses: [loss], targetRepository: { id: 1, created: true, url: 'https://github.com/acme/x' },
    refs: { created: 4, updated: 0, deleted: 0, unchanged: 0, verified: 4, rejected: [] },
  } as never))
  await store.createMigration(sampleRecord('refused', {
    status: 'failed', targetRepository: { id: 2, created: true, url: 'javascript:alert(1)' },
    refs: { created: 1, updated: 0, deleted: 0, unchanged: 0, verified: 1, rejected: [{ ref: 'refs/heads/<b>', code: 'GH013', reason: evil }] },
  } as never))
})

describe('a report', () => {
  it('as HTML is one page that needs nothing else and obeys no name', async () => {
    const page = await report('b', 'html')
    expect(page).not.toMatch(/<(script|link|img|iframe)|javascript:|\u202e/)
    expect(page.match(/<\/title>/g)).toHaveLength(1)
    expect([...page.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, address]) => address)).toEqual(['https://github.com/acme/x'])
    expect(page).not.toContain('canary-reference')
  })

  it('says what a manager asks: totals, outcome, verification, losses, failures and what to do', async () => {
    const page = await report('b', 'html')
    for (const text of [
      '1 of 3 repositories arrived and were verified', '1 failed', '1 cancelled', '1 min 30 s', '4 refs in 1 repository', '1,234', 'GitHub cannot import them.',
      'The target refused the named refs; the others arrived.', 'refs/heads/', '2 attempts', '<svg viewBox', 'class="completed"', 'class="failed"', 'class="running"',
    ]) expect(page).toContain(text)
    // What needs attention comes first.
    expect(page.indexOf('✗ failed')).toBeLessThan(page.indexOf('✓ arrived'))
  })

  it('as CSV has a line for each repository, and no formulas', async () => {
    const [header, ...lines] = (await report('b', 'csv')).trimEnd().split('\r\n')
    expect(header).toMatch(/^source,target,url,status,/)
    expect(lines).toHaveLength(3)
    expect(lines[0]).toContain('PROJ/=HYPERLINK')
    expect(lines.join()).not.toMatch(/(^|,)"?[=+@-]/)
  })

  it('as JSON can be read back, without the reference to credentials', async () => {
    const data = JSON.parse(await report('b', 'json')) as { bulk: object; repositories: { status: string; refsVerified: number }[] }
    expect(data.bulk).toMatchObject({ id: 'b', label: evil, counts: { total: 3, completed: 1, failed: 1, cancelled: 1 } })
    expect(data.bulk).not.toHaveProperty('credentialRef')
    expect(data.repositories.map(({ status, refsVerified }) => [status, refsVerified])).toEqual([['completed', 4], ['failed', 1], ['cancelled', 0]])
  })

  it('can be had before anything began', async () => {
    await store.bulks.create(sampleBulk('new'), [sampleItem('m')])
    expect(await report('new', 'html')).toContain('0 of 1 repository arrived and were verified, the rest is under way or waits.')
    await expect(report('nobody', 'html')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})
