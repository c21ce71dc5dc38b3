import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  bitbucketSettings, gitHubSettings, homeDirectory, plainTextWarnings, secretsOf,
} from './environment.ts'

const certificate = '-----BEGIN CERTIFICATE-----\nMAo=\n-----END CERTIFICATE-----\n'
let folder: string
beforeAll(() => { folder = mkdtempSync(join(tmpdir(), 'saddle-env-')) })
afterAll(() => rmSync(folder, { recursive: true }))

const url = { SADDLE_BITBUCKET_URL: 'https://bitbucket.example.com' }

describe('the source', () => {
  it('takes a token, trimmed', () => {
    expect(bitbucketSettings({ ...url, SADDLE_BITBUCKET_TOKEN: ' abcd\n' })).toEqual({
      baseUrl: 'https://bitbucket.example.com', auth: { token: 'abcd' },
    })
  })

  it('takes user and password, the password as it is', () => {
    const { auth } = bitbucketSettings({ ...url, SADDLE_BITBUCKET_USERNAME: 'ada', SADDLE_BITBUCKET_PASSWORD: ' p w ' })
    expect(auth).toEqual({ username: 'ada', password: ' p w ' })
  })

  it.each([
    [{}, 'SADDLE_BITBUCKET_URL'],
    [url, 'SADDLE_BITBUCKET_TOKEN'],
    [{ ...url, SADDLE_BITBUCKET_USERNAME: 'ada' }, 'SADDLE_BITBUCKET_PASSWORD'],
    [{ ...url, SADDLE_BITBUCKET_PASSWORD: 'x' }, 'SADDLE_BITBUCKET_USERNAME'],
  ])('names what is missing in %j', (env, option) => {
    expect(() => bitbucketSettings(env)).toThrow(
      expect.objectContaining({ code: 'MISSING_CONFIGURATION', context: { option }, message: expect.stringContaining(`${option} is not set`) }),
    )
  })

  it('does not repeat a wrong address or token, which may hold a secret', () => {
    const wrong = { SADDLE_BITBUCKET_URL: 'ftp://ada:hunter22@host', SADDLE_BITBUCKET_TOKEN: 'hunter22 hunter22' }
    expect(() => bitbucketSettings(wrong)).toThrow(/^SADDLE_BITBUCKET_URL is not an http or https address\. Write it like/)
    expect(() => bitbucketSettings({ ...wrong, ...url })).toThrow(/^(?!.*hunter22)SADDLE_BITBUCKET_TOKEN contains/)
  })
})

describe('the target', () => {
  it('is the public GitHub unless said otherwise', () => {
    expect(gitHubSettings({ SADDLE_GITHUB_TOKEN: 'abcd' })).toEqual({ baseUrl: 'https://api.github.com', auth: { token: 'abcd' } })
  })

  it('takes an App with its key', () => {
    const file = join(folder, 'key.pem')
    writeFileSync(file, 'PEM')
    const { auth } = gitHubSettings({ SADDLE_GITHUB_APP_ID: '12', GITHUB_PRIVATE_KEY_PATH: file })
    expect(auth).toEqual({ appId: '12', privateKey: 'PEM' })
  })

  it('names what is missing, and a key that cannot be read', () => {
    expect(() => gitHubSettings({})).toThrow(/SADDLE_GITHUB_TOKEN is not set/)
    expect(() => gitHubSettings({ SADDLE_GITHUB_APP_ID: '12' })).toThrow(/GITHUB_PRIVATE_KEY_PATH is not set/)
    const none = { SADDLE_GITHUB_APP_ID: '12', GITHUB_PRIVATE_KEY_PATH: join(folder, 'none.pem') }
    expect(() => gitHubSettings(none)).toThrow(/GITHUB_PRIVATE_KEY_PATH names .*none\.pem, which cannot be read \(ENOENT\)/)
  })
})

describe('the connection', () => {
  const target = { SADDLE_GITHUB_TOKEN: 'abcd' }

  it('reads the authority file, and says when it is none', () => {
    const file = join(folder, 'ca.pem')
    writeFileSync(file, certificate)
    expect(gitHubSettings({ ...target, SADDLE_CA_FILE: file }).ca).toBe(certificate)
    writeFileSync(file, 'nonsense')
    expect(() => gitHubSettings({ ...target, SADDLE_CA_FILE: file })).toThrow(/SADDLE_CA_FILE names a file without a PEM certificate/)
  })

  it('uses the proxy of the scheme', () => {
    const proxies = { HTTPS_PROXY: 'http://secure:1', http_proxy: 'http://plain:2', NO_PROXY: 'intern' }
    expect(gitHubSettings({ ...target, ...proxies })).toMatchObject({ proxy: 'http://secure:1', noProxy: 'intern' })
    expect(gitHubSettings({ ...target, ...proxies, SADDLE_GITHUB_URL: 'http://localhost:1' }).proxy).toBe('http://plain:2')
    expect(gitHubSettings({ ...target, NO_PROXY: 'intern' })).not.toHaveProperty('noProxy')
  })

  it('warns of credentials in clear, except on this machine', () => {
    const plain = { SADDLE_BITBUCKET_URL: 'http://bitbucket.example.com', SADDLE_GITHUB_URL: 'http://127.0.0.1:80' }
    expect(plainTextWarnings(plain)).toEqual([expect.stringMatching(/^SADDLE_BITBUCKET_URL .* bitbucket\.example\.com in clear/)])
    expect(plainTextWarnings({ SADDLE_BITBUCKET_URL: 'http://127.0.0.1.evil.example' })).toHaveLength(1)
    expect(plainTextWarnings(url)).toEqual([])
  })
})

describe('the rest', () => {
  it('puts the home where it is told, by default below the user\'s', () => {
    expect(homeDirectory({ SADDLE_HOME: folder })).toBe(folder)
    expect(homeDirectory({})).toBe(join(homedir(), '.saddle'))
  })

  it('knows every secret', () => {
    const env = { SADDLE_BITBUCKET_TOKEN: 'a1', SADDLE_GITHUB_TOKEN: 'b2\n', SADDLE_SESSION_KEYS: 'c3,d4', SADDLE_GITHUB_CLIENT_SECRET: 'e5' }
    expect(secretsOf(env).sort()).toEqual(['a1', 'b2', 'c3', 'd4', 'e5'])
  })
})
