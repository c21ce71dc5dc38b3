import { expect, it } from 'vitest'
import { gitHubBudget, webUrlOf } from './addresses.ts'

it.each([
  ['https://api.github.com', 'https://github.com/'],
  ['https://api.github.com/', 'https://github.com/'],
  ['https://github.example.com/api/v3', 'https://github.example.com/'],
  ['https://github.example.com:8443/api/v3/', 'https://github.example.com:8443/'],
  ['https://example.com/github/api/v3', 'https://example.com/github'],
  ['https://api.octocorp.ghe.com', 'https://octocorp.ghe.com/'],
  ['http://127.0.0.1:8080', 'http://127.0.0.1:8080/'],
  // Not GitHub's own, whatever the beginning looks like.
  ['https://api.github.com.example.com/api/v3', 'https://api.github.com.example.com/'],
])('the web address of %s is %s', (baseUrl, webUrl) => {
  expect(webUrlOf(baseUrl).href).toBe(webUrl)
})

it('limits creations at GitHub itself, and not on an Enterprise Server', async () => {
  const waits = async (baseUrl: string) => {
    const budget = gitHubBudget(baseUrl)
    const abort = new AbortController()
    let waited: string | undefined
    for (let count = 0; count < 81 && waited === undefined; count++) {
      const acquired = budget.acquire({ points: 5, creates: true }, {
        signal: abort.signal,
        onWait: ({ reason }) => {
          waited = reason
          abort.abort()
        },
      })
      await acquired.then((release) => { release() }, () => undefined)
    }
    return waited
  }
  expect(await waits('https://api.github.com')).toBe('creation')
  expect(await waits('https://api.octocorp.ghe.com')).toBe('creation')
  expect(await waits('https://github.example.com/api/v3')).toBeUndefined()
})
