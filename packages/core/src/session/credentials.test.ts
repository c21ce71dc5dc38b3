import { beforeEach, describe, expect, it } from 'vitest'
import { CredentialVault } from './credentials.ts'
import { Keyring } from './keyring.ts'
import { MemorySessionStore } from './memory.ts'

const bitbucket = { username: 'user', password: 'canary-password' }
const github = { token: 'canary-token' }
const hour = () => Date.now() + 3_600_000

describe('CredentialVault', () => {
  let store: MemorySessionStore
  let vault: CredentialVault
  const stored = async (subject = 's') => (await store.get(`account/${subject}`)) ?? ''
  const keyring = new Keyring(['k'.repeat(32)])
  beforeEach(async () => {
    store = new MemorySessionStore()
    vault = new CredentialVault(store, keyring)
    await vault.put('s', 'bitbucket', bitbucket, hour())
    await vault.put('s', 'github', github, hour())
  })

  it('gives a session its credentials, and nobody reads them in the store', async () => {
    expect(await vault.ofSession('s')).toEqual({ bitbucket, github })
    expect(await vault.ofSession('other')).toEqual({})
    expect(await stored()).not.toMatch(/canary|user/)
    expect(Buffer.from(await stored(), 'base64').toString()).not.toContain('canary')
  })

  it('keeps them for a job after the session ended, and no longer', async () => {
    await vault.hold('s', 'job-1')
    await vault.hold('s', 'job-2')
    await vault.endSession('s')
    expect(await vault.ofSession('s')).toEqual({})
    expect(await vault.holds('s', 'job-1')).toBe(true)
    await vault.release('s', 'job-1')
    expect(await vault.holds('s', 'job-1')).toBe(false)
    expect(await vault.ofJob('s', 'job-1')).toEqual({})
    expect(await vault.ofJob('s', 'job-2')).toEqual({ bitbucket, github })
    await vault.release('s', 'job-2')
    expect(await stored()).toBe('')
  })

  it('forgets everything at the end of a session without jobs', async () => {
    await vault.endSession('s')
    expect(await stored()).toBe('')
    await vault.endSession('never-there')
    expect(await stored('never-there')).toBe('')
  })

  it('lets a job have a token of its own, which the session never sees', async () => {
    await vault.hold('s', 'job', { github: { token: 'own' } })
    expect(await vault.ofJob('s', 'job')).toEqual({ bitbucket, github: { token: 'own' } })
    expect(await vault.ofSession('s')).toEqual({ bitbucket, github })
    await vault.release('s', 'job')
    expect(Object.keys((JSON.parse(await stored()) as { credentials: object }).credentials)).toHaveLength(2)
  })

  it('leaves a running job what it began with when somebody logs in anew', async () => {
    await vault.hold('s', 'job')
    await vault.put('s', 'bitbucket', { token: 'second' }, hour())
    expect((await vault.ofSession('s')).bitbucket).toEqual({ token: 'second' })
    expect((await vault.ofJob('s', 'job')).bitbucket).toEqual(bitbucket)
  })

  it('takes the session of an expired one away, not its jobs', async () => {
    await vault.hold('s', 'job')
    await vault.extend('s', Date.now() - 1)
    expect(await vault.ofSession('s')).toEqual({})
    expect(await vault.ofJob('s', 'job')).toEqual({ bitbucket, github })
    await vault.release('s', 'job')
    expect(await stored()).toBe('')
  })

  it('replaces a refreshed token for session and jobs alike', async () => {
    await vault.hold('s', 'job')
    await vault.hold('s', 'own', { github: { token: 'own' } })
    await vault.refreshed('s', github, { token: 'renewed', refreshToken: 'r2' })
    expect((await vault.ofSession('s')).github).toEqual({ token: 'renewed', refreshToken: 'r2' })
    expect((await vault.ofJob('s', 'job')).github?.token).toBe('renewed')
    expect((await vault.ofJob('s', 'own')).github?.token).toBe('own')
  })

  it('does not open what was copied from another session, provider or place', async () => {
    await vault.put('t', 'github', { token: 'other' }, hour())
    const mine = await stored()
    await store.set('account/t', mine, hour())
    await expect(vault.ofSession('t')).rejects.toMatchObject({ code: 'AUTHENTICATION_FAILED' })
    const account = JSON.parse(mine) as { credentials: Record<string, { provider: string; sealed: string }>; session: { ids: Record<string, string> } }
    const { ids } = account.session
    const [a, b] = [account.credentials[ids['bitbucket']!]!, account.credentials[ids['github']!]!]
    ;[a.sealed, b.sealed] = [b.sealed, a.sealed]
    await store.set('account/s', JSON.stringify(account), hour())
    await expect(vault.ofSession('s')).rejects.toMatchObject({ code: 'AUTHENTICATION_FAILED' })
  })

  it('seals anew with the current key when it writes', async () => {
    const rotated = new CredentialVault(store, new Keyring(['n'.repeat(32), 'k'.repeat(32)]))
    await rotated.hold('s', 'job')
    const onlyNew = new CredentialVault(store, new Keyring(['n'.repeat(32)]))
    expect(await onlyNew.ofSession('s')).toEqual({ bitbucket, github })
  })

  it('loses nothing when many write at once', async () => {
    await Promise.all(Array.from({ length: 20 }, (_, index) => vault.hold('s', `job-${index}`)))
    for (let index = 0; index < 20; index++) expect(await vault.ofJob('s', `job-${index}`)).toEqual({ bitbucket, github })
  })
})
