import { execFile } from 'node:child_process'
import { access, constants, mkdir } from 'node:fs/promises'
import { promisify } from 'node:util'
import { BitbucketClient, GitHubClient, SaddleError } from '@saddle/core'
import { bitbucketSettings, gitHubSettings, homeDirectory, plainTextWarnings } from '../environment.ts'
import { escape, escapedJson } from '../escape.ts'
import { exitStatus, type ExitStatus } from '../exit-status.ts'
import type { Io } from '../io.ts'
import type { CommonOptions } from '../options.ts'
import { sign, styleOf } from '../render/style.ts'

interface Finding {
  check: string
  outcome: 'good' | 'bad' | 'warning'
  /** What was found, or what is wrong and what to do. */
  text: string
}

/** `saddle doctor`; fails when something that a migration needs is not right. */
export async function doctor({ json, owner }: CommonOptions & { owner?: string }, io: Io): Promise<ExitStatus> {
  const style = styleOf(io.stdout, io.env)
  let failed = false
  const show = (finding: Finding) => {
    failed ||= finding.outcome === 'bad'
    io.stdout.write(json ? `${escapedJson(finding)}\n` : `${sign(finding.outcome, style)} ${finding.check}: ${escape(finding.text)}\n`)
  }
  const check = async (name: string, look: () => Promise<Omit<Finding, 'check'>[] | string>): Promise<void> => {
    try {
      const found = await look()
      for (const one of typeof found === 'string' ? [{ outcome: 'good' as const, text: found }] : found) show({ check: name, ...one })
    } catch (error) {
      show({ check: name, outcome: 'bad', text: SaddleError.from(error).message })
    }
  }

  await check('Node', async () => process.versions.node)
  await check('git', gitVersion)
  await check('SADDLE_HOME', async () => {
    const home = homeDirectory(io.env)
    await mkdir(home, { recursive: true, mode: 0o700 })
    await access(home, constants.W_OK)
    return `${home} can be written to`
  })
  for (const warning of plainTextWarnings(io.env)) show({ check: 'TLS', outcome: 'warning', text: warning })
  await check('Bitbucket', async () => {
    const client = new BitbucketClient(bitbucketSettings(io.env))
    try {
      const { displayName, version } = await client.applicationProperties({ signal: io.signal })
      const user = await client.whoAmI({ signal: io.signal })
      return `${displayName} ${version} at ${client.baseUrl.href}, ${user === undefined ? 'with a token of a project or repository' : `as ${user}`}`
    } finally {
      await client.close()
    }
  })
  await check('GitHub', async () => {
    const client = new GitHubClient(gitHubSettings(io.env))
    try {
      if (owner !== undefined) {
        const { missing, token } = await client.checkAccess(owner, undefined, { signal: io.signal })
        if (missing.length > 0) return missing.map((text) => ({ outcome: token.valid ? ('warning' as const) : ('bad' as const), text }))
        return `${client.baseUrl.href} as ${token.login ?? 'an App'}, which can create repositories in ${owner}`
      }
      const { login, scopes } = await client.viewer({ signal: io.signal })
      const limit = await client.rateLimit({ signal: io.signal })
      return `${client.baseUrl.href} as ${login}${scopes ? `, scopes ${scopes.join(', ') || 'none'}` : ''}${limit ? `, ${limit.remaining} of ${limit.limit} requests left this hour` : ''}`
    } finally {
      await client.close()
    }
  })
  return failed ? exitStatus.failed : exitStatus.done
}

/** The relay needs no git; the demonstration and the sandbox do. */
async function gitVersion(): Promise<Omit<Finding, 'check'>[] | string> {
  try {
    return (await promisify(execFile)('git', ['--version'])).stdout.trim()
  } catch {
    return [{ outcome: 'warning', text: 'no git program was found. Migrations do not need it; the demo and the sandbox do.' }]
  }
}
