import { expect, test } from 'vitest'
import { all, answering, failureOf, rehearse } from './support.ts'

const project = (key: string) => ({ key, name: key })
const start = (url: string): number => Number(new URL(url, 'http://x').searchParams.get('start'))

test('goes where nextPageStart leads, not where start and limit would', async () => {
  const pages: Record<number, object> = {
    0: { values: [project('A')], isLastPage: false, nextPageStart: 7 },
    7: { values: [], isLastPage: false, nextPageStart: 1000 },
    1000: { values: [project('B')], isLastPage: true, nextPageStart: null },
  }
  const server = await answering(({ url }) => pages[start(url)])
  expect((await all(rehearse(server).projects())).map(({ key }) => key)).toEqual(['A', 'B'])
  expect(server.seen.map((line) => start(line.slice(4)))).toEqual([0, 7, 1000])
})

test.each([
  ['the same page again', 0], ['back', -5], ['nowhere', null], ['nowhere at all', undefined],
])('a page that leads %s is a fault of the server, found at once', async (_name, nextPageStart) => {
  const server = await answering(() => ({ values: [project('A')], isLastPage: false, nextPageStart }))
  expect(await failureOf(all(rehearse(server).projects()))).toMatchObject({ code: 'PROTOCOL_ERROR', message: expect.stringContaining('does not end') })
  expect(server.seen).toHaveLength(1)
})

test('a chain that goes back later on ends as well', async () => {
  const server = await answering(({ url }) => ({ values: [project('A')], isLastPage: false, nextPageStart: start(url) === 0 ? 10 : 5 }))
  expect((await failureOf(all(rehearse(server).projects()))).code).toBe('PROTOCOL_ERROR')
  expect(server.seen).toHaveLength(2)
})

test('a chain of empty pages ends', async () => {
  const server = await answering(({ url }) => ({ values: [], isLastPage: false, nextPageStart: start(url) + 1 }))
  expect((await failureOf(all(rehearse(server).projects()))).code).toBe('PROTOCOL_ERROR')
  expect(server.seen).toHaveLength(1000)
})

test('what was read before a fault was handed out', async () => {
  const server = await answering(({ url }) => (start(url) === 0 ? { values: [project('A')], isLastPage: false, nextPageStart: 1 } : { odd: true }))
  const keys: string[] = []
  const reading = (async () => {
    for await (const { key } of rehearse(server).projects()) keys.push(key)
  })()
  expect(await failureOf(reading)).toMatchObject({ code: 'PROTOCOL_ERROR', message: expect.stringContaining('values') })
  expect(keys).toEqual(['A'])
})

test('a value of another shape is an error that names the field, never half a value', async () => {
  const server = await answering(() => ({ values: [{ slug: 'x', project: { key: 5 } }], isLastPage: true }))
  expect(await failureOf(all(rehearse(server).allRepositories()))).toMatchObject({
    code: 'PROTOCOL_ERROR', message: expect.stringContaining('project.key'),
  })
})

test('a page without a word on what follows is the last', async () => {
  const server = await answering(() => ({ values: [project('A')] }))
  expect(await all(rehearse(server).projects())).toHaveLength(1)
})

test('a page is asked for again when it breaks off, and no value comes twice', async () => {
  let requests = 0
  const server = await answering(({ url }, response) => {
    const page = { values: [project(`P${start(url)}`)], isLastPage: start(url) === 2, nextPageStart: start(url) + 1 }
    if (requests++ !== 1) return page
    response.writeHead(200, { 'content-length': '1000' })
    return response.write('{"values":[', () => response.socket?.resetAndDestroy())
  })
  expect((await all(rehearse(server).projects())).map(({ key }) => key)).toEqual(['P0', 'P1', 'P2'])
})
