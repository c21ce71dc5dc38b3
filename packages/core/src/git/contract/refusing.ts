import assert from 'node:assert/strict'
import { HttpClient, type GitRemote } from '@saddle/transport'
import { addLine, assertEqual, commit, fails, refsIn, type Cases } from './kit.ts'

const withCredentials = ({ url }: GitRemote, authorization: string): GitRemote => {
  const http = new HttpClient({ baseUrl: new URL(url).origin, authorize: () => ({ authorization }), retry: { attempts: 1 } })
  return { url, http }
}

/** What a target refuses, and who refuses the backend. */
export const refusing: Cases = {
  async 'reports a refused ref by name, with what it is, and moves the others'({ pair, run, refuse }) {
    const both = await pair({ commits: 6, branches: 5 })
    const allow = refuse(both, 'refs/heads/branch-2')
    const { outcomes } = await run(both)
    allow()
    const rejected = outcomes.filter(({ status }) => status === 'rejected')
    assert.deepEqual(rejected.map(({ ref, code }) => [ref, code]), [['refs/heads/branch-2', 'REF_PROTECTED']])
    assert.ok(rejected[0]?.reason)
    assert.equal(refsIn(both.targetGit).split('\n').length, 4)
  },

  async 'moves what was refused once it is allowed'({ pair, run, refuse }) {
    const both = await pair({ commits: 6, branches: 3 })
    const allow = refuse(both, 'refs/heads/branch-1')
    await run(both)
    allow()
    await run(both)
    assertEqual(both)
  },

  async 'reports every ref when all are refused'({ pair, run, refuse }) {
    const both = await pair({ commits: 3 })
    const allow = refuse(both, 'refs/heads/main')
    const { outcomes } = await run(both)
    allow()
    assert.deepEqual(outcomes.map(({ status }) => status), ['rejected'])
    assert.equal(refsIn(both.targetGit), '')
  },

  async 'does not move a ref that is no longer where it was said to be'({ pair, run }) {
    const both = await pair({ commits: 6 })
    await run(both)
    const [was, seen] = [both.targetGit(['rev-parse', 'main~2']), both.targetGit(['rev-parse', 'main'])]
    const newOid = commit(both.sourceGit, 'main')
    const { outcomes } = await run(both, { updates: [{ ref: 'refs/heads/main', kind: 'update', oldOid: was, newOid }] })
    assert.equal(outcomes[0]?.status, 'rejected')
    assert.equal(both.targetGit(['rev-parse', 'main']), seen)
  },

  async 'does not create a ref that is there by then'({ pair, run }) {
    const both = await pair({ commits: 3 })
    await run(both)
    const theirs = commit(both.targetGit, 'main')
    const newOid = commit(both.sourceGit, 'main', both.sourceGit(['mktree'], ''))
    const { outcomes } = await run(both, { updates: [{ ref: 'refs/heads/main', kind: 'create', newOid }] })
    assert.equal(outcomes[0]?.status, 'rejected')
    assert.equal(both.targetGit(['rev-parse', 'main']), theirs)
  },

  async 'does not delete a ref that moved'({ pair, run }) {
    const both = await pair({ commits: 3, branches: 2 })
    await run(both)
    const oldOid = both.targetGit(['rev-parse', 'branch-1'])
    const theirs = commit(both.targetGit, 'branch-1')
    const { outcomes } = await run(both, { updates: [{ ref: 'refs/heads/branch-1', kind: 'delete', oldOid }] })
    assert.equal(outcomes[0]?.status, 'rejected')
    assert.equal(both.targetGit(['rev-parse', 'branch-1']), theirs)
  },

  async 'says which credentials the source does not accept, and moves nothing'({ pair, run }) {
    const both = await pair({ commits: 3 })
    const source = withCredentials(both.source, 'Bearer not-what-it-was')
    const error = await fails(run(both, { source }), 'AUTHENTICATION_FAILED')
    assert.doesNotMatch(error.message, /not-what-it-was/)
    assert.equal(error.retryable, false)
    assert.equal(refsIn(both.targetGit), '')
    await source.http.close()
  },

  async 'says that the target does not accept the credentials'({ pair, run }) {
    const both = await pair({ commits: 3 })
    const target = withCredentials(both.target, `Basic ${Buffer.from('x-access-token:not-what-it-was').toString('base64')}`)
    await fails(run(both, { target }), 'AUTHENTICATION_FAILED')
    assert.equal(refsIn(both.targetGit), '')
    await target.http.close()
  },

  async 'says that there is no such repository'({ pair, run }) {
    const both = await pair({ commits: 3 })
    await fails(run(both, { source: { ...both.source, url: both.source.url.replace(/[^/]+$/, 'nowhere.git') } }), 'NOT_FOUND')
    await fails(run(both, { target: { ...both.target, url: both.target.url.replace(/[^/]+$/, 'nowhere.git') } }), 'NOT_FOUND')
    assert.equal(refsIn(both.targetGit), '')
  },

  async 'repeats no credentials that a server echoes'({ pair, run, fail }) {
    const both = await pair({ commits: 3 })
    const echoing = fail(both, 'target echoes credentials')
    // The suite searches what is said for the secrets.
    await fails(run(both), 'FORBIDDEN')
    echoing.end()
  },

  async 'follows no redirect to another host'({ pair, run, fail }) {
    const both = await pair({ commits: 3 })
    const redirecting = fail(both, 'source redirects')
    const error = await fails(run(both))
    redirecting.end()
    assert.equal(error.retryable, false)
    assert.equal(refsIn(both.targetGit), '')
  },

  async 'moves nothing to an object that the source does not have'({ pair, run }) {
    const both = await pair({ commits: 3 })
    await fails(run(both, { updates: [{ ref: 'refs/heads/main', kind: 'create', newOid: 'a'.repeat(40) }] }))
    assert.equal(refsIn(both.targetGit), '')
  },

  async 'moves a branch to where it was when it was listed'({ pair, run }) {
    const both = await pair({ commits: 4 })
    const listed = both.sourceGit(['rev-parse', 'main'])
    commit(both.sourceGit, 'main')
    await run(both, { updates: [{ ref: 'refs/heads/main', kind: 'create', newOid: listed }] })
    assert.equal(both.targetGit(['rev-parse', 'main']), listed)
    await run(both)
    assertEqual(both)
  },

  async 'sends nothing to a target that names its objects in another way'({ pair, run }) {
    const both = await pair({ commits: 2, targetFormat: 'sha256' })
    await fails(run(both, { updates: [{ ref: 'refs/heads/main', kind: 'create', newOid: both.sourceGit(['rev-parse', 'main']) }] }), 'OBJECT_FORMAT_MISMATCH')
    assert.equal(refsIn(both.targetGit), '')
  },

  async 'keeps two transfers at the same time apart'({ pair, run }) {
    const [one, other] = [await pair({ commits: 8, branches: 2 }), await pair({ commits: 8, branches: 3 })]
    addLine(other.sourceGit, 'refs/heads/own', 2)
    await Promise.all([run(one), run(other)])
    assertEqual(one)
    assertEqual(other)
  },
}
