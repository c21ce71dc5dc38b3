import { expect, test } from 'vitest'
import { text } from 'node:stream/consumers'
import { answering, rehearsalStage, rehearse } from './support.ts'

const base = 'https://bitbucket.example.com/context'
const at = (cloneUrl: string | undefined, allowedHosts?: string[], projectKey = 'PROJ', slug = 'tool') => {
  const client = rehearse({ url: base }, { allowedHosts })
  return client.gitRemote({ projectKey, slug, cloneUrl }).url
}

test.each([
  ['the link itself', `${base}/scm/proj/tool.git`, `${base}/scm/proj/tool.git`],
  ['a link with the port spelled out', 'https://bitbucket.example.com:443/context/scm/proj/tool.git', `${base}/scm/proj/tool.git`],
  ['a link by http behind a proxy that ends TLS', 'http://bitbucket.example.com/context/scm/proj/tool.git', `${base}/scm/proj/tool.git`],
  ['a link outside the context path', 'https://bitbucket.example.com/contextual/scm/proj/tool.git', `${base}/scm/proj/tool.git`],
  ['no link', undefined, `${base}/scm/proj/tool.git`],
])('%s', (_name, link, expected) => {
  expect(at(link)).toBe(expected)
})

test('personal and odd names are encoded', () => {
  expect(at(undefined, undefined, '~Jane', 'weird🌭 x')).toBe(`${base}/scm/~jane/weird%F0%9F%8C%AD%20x.git`)
})

test.each(['https://evil/scm/proj/tool.git', 'https://bitbucket.example.com.evil.com/context/scm/x.git', 'ftp://evil/x'])(
  'a link to another host is refused: %s',
  (link) => {
    expect(() => at(link)).toThrow(expect.objectContaining({ code: 'ADDRESS_NOT_ALLOWED', message: expect.stringContaining('allowedHosts') }))
    expect(() => at(link, ['bitbucket.example.com'])).toThrow(expect.objectContaining({ code: 'ADDRESS_NOT_ALLOWED' }))
  },
)

test('a link by another name that is allowed leads to the base URL all the same', () => {
  expect(at('https://git.internal:8443/scm/proj/tool.git', ['bitbucket.example.com', 'git.internal:8443'])).toBe(`${base}/scm/proj/tool.git`)
})

test('a link on another host is found out from a server\'s answer, too, and nothing is sent there', async () => {
  const elsewhere = await answering(() => ({}))
  const lying = await answering(() => ({
    slug: 'tool', project: { key: 'PROJ' }, links: { clone: [{ name: 'http', href: `${elsewhere.url.replace('127.0.0.1', 'localhost')}/scm/proj/tool.git` }] },
  }))
  const client = rehearse(lying)
  const repository = await client.repository('PROJ', 'tool')
  expect(() => client.gitRemote(repository)).toThrow(expect.objectContaining({ code: 'ADDRESS_NOT_ALLOWED' }))
  expect(elsewhere.seen).toEqual([])
})

test('git is reached there, as the credentials\' kind wants it, without a user name in the address', async () => {
  const server = await rehearsalStage({ contextPath: '/bitbucket' })
  await server.createRepository({ project: 'PROJ', slug: 'tool', seed: { commits: 1 } })
  const clients = [
    [rehearse(server), /^Bearer /],
    [rehearse(server, { auth: { username: server.adminUsername, password: server.adminPassword } }), /^Basic /],
    [rehearse({ url: server.url, token: server.createToken({ project: 'PROJ' }) }), /^Bearer /],
  ] as const
  for (const [client, authorization] of clients) {
    const { url, http } = client.gitRemote(await client.repository('PROJ', 'tool'))
    expect(url).toBe(`${server.url}/scm/proj/tool.git`)
    const { body } = await http.request(`${url}/info/refs?service=git-upload-pack`)
    expect(await text(body)).toContain('# service=git-upload-pack')
    expect(server.requests.at(-1)!.headers.authorization).toMatch(authorization)
    expect(client.events.request.at(-1)!.path).toBe('/bitbucket/scm/proj/tool.git/info/refs')
  }
})
