import { BitbucketClient, GitHubClient, SaddleError } from '@saddle/core'
import { bitbucketSettings, gitHubSettings } from '../environment.ts'
import type { Io } from '../io.ts'
import { count } from '../render/format.ts'
import { bad, good, warning, type Finding } from './check.ts'
import { checkConnection } from './connection.ts'

/** Looks at the source: the way there, its version, and whose credentials these are. */
export async function* checkBitbucket({ env, signal }: Io): AsyncGenerator<Finding> {
  const settings = bitbucketSettings(env)
  if (!(yield* checkConnection('Bitbucket', settings.baseUrl, settings, signal))) return
  const client = new BitbucketClient({ ...settings, retry: { attempts: 1 } })
  try {
    const credentials = await found('Bitbucket credentials', async () => {
      const user = await client.whoAmI({ signal })
      return user === undefined ? 'accepted; the token of a project or of a repository' : `accepted, as ${user}`
    })
    yield credentials
    // With credentials that it refuses, a server says nothing else either.
    if (credentials.outcome === 'bad') return
    yield await found('Bitbucket version', async () => {
      const { displayName, version } = await client.applicationProperties({ signal })
      return `${displayName} ${version}`
    })
  } finally {
    await client.close()
  }
}

/** Looks at the target: the way there, whose credentials these are, and what they may do. */
export async function* checkGitHub({ env, signal }: Io, owner: string | undefined): AsyncGenerator<Finding> {
  const settings = gitHubSettings(env)
  if (!(yield* checkConnection('GitHub', settings.baseUrl, settings, signal))) return
  const client = new GitHubClient({ ...settings, retry: { attempts: 1 } })
  try {
    if (owner !== undefined) yield* ownerFindings(client, owner, signal)
    else if ('appId' in settings.auth) yield warning('GitHub credentials', 'a GitHub App acts for one owner at a time', 'Name the owner with --owner to have them checked.')
    else {
      yield await found('GitHub credentials', async () => {
        const { login, scopes } = await client.viewer({ signal })
        return `accepted, as ${login}${scopesOf(scopes)}`
      })
    }
    const limit = await client.rateLimit({ signal, ...(owner === undefined ? {} : { owner }) }).catch(() => undefined)
    if (limit) {
      const text = `${count(limit.remaining)} of ${count(limit.limit)} requests are left until ${limit.resetAt}`
      yield limit.remaining < limit.limit / 20 ? warning('GitHub rate limit', text, 'Wait until then, or use the token of a GitHub App.') : good('GitHub rate limit', text)
    }
  } finally {
    await client.close()
  }
}

async function* ownerFindings(client: GitHubClient, owner: string, signal: AbortSignal | undefined): AsyncGenerator<Finding> {
  const check = 'GitHub owner'
  const { token, owner: account, missing } = await client.checkAccess(owner, undefined, { signal })
  if (!token.valid) {
    yield bad('GitHub credentials', 'not accepted', missing.join(' ') || 'Check the token, or make a new one.')
    return
  }
  yield good('GitHub credentials', `accepted${token.login === undefined ? '' : `, as ${token.login}`}${scopesOf(token.scopes)}`)
  if (account.canCreate) yield good(check, `repositories can be created in ${owner}`)
  else if (account.canCreate === false) yield bad(check, `repositories cannot be created in ${owner}`, missing.join(' ') || `Ask an owner of ${owner} for the right to.`)
  else yield warning(check, `GitHub does not say whether repositories can be created in ${owner}`, missing.join(' ') || 'The first migration shows; a fine-grained token needs "Administration: write".')
}

async function found(check: string, look: () => Promise<string>): Promise<Finding> {
  try {
    return good(check, await look())
  } catch (thrown) {
    const error = SaddleError.from(thrown)
    if (error.code === 'ABORTED') throw error
    // The error says itself what to do.
    return { check, outcome: 'bad', text: error.message }
  }
}

const scopesOf = (scopes: readonly string[] | undefined): string => (scopes ? `, scopes ${scopes.join(', ') || 'none'}` : '')
