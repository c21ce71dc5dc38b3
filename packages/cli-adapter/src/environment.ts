import { isInsecure, SaddleError } from '@saddle/core'
import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Variables } from './io.ts'

/** What applies to both servers. */
export interface ConnectionSettings {
  /** PEM certificates from the file that `SADDLE_CA_FILE` names. */
  ca?: string
  proxy?: string
  noProxy?: string
}

/** The source, as `BitbucketClient` takes it. */
export interface BitbucketSettings extends ConnectionSettings {
  baseUrl: string
  auth: { token: string } | { username: string; password: string }
}

/** The target, as `GitHubClient` takes it. */
export interface GitHubSettings extends ConnectionSettings {
  baseUrl: string
  auth: { token: string } | { appId: string; privateKey: string }
}

/** GitHub's REST API for everybody. */
export const publicGitHubUrl = 'https://api.github.com'

/**
 * The source's settings.
 *
 * @throws SaddleError `MISSING_CONFIGURATION` that names the variable, `INVALID_INPUT` for one that cannot be right
 */
export function bitbucketSettings(env: Variables): BitbucketSettings {
  const baseUrl = bitbucketUrl(env)
  return { baseUrl, auth: bitbucketAuth(env), ...connectionSettings(env, baseUrl) }
}

/** The target's settings; fails as {@link bitbucketSettings} does. */
export function gitHubSettings(env: Variables): GitHubSettings {
  const baseUrl = gitHubUrl(env)
  return { baseUrl, auth: gitHubAuth(env), ...connectionSettings(env, baseUrl) }
}

/**
 * What a server or worker needs to know of the two servers: people bring the credentials.
 *
 * @throws SaddleError as {@link bitbucketSettings}
 */
export function serverSettings(env: Variables): { bitbucket: Omit<BitbucketSettings, 'auth'>; github: Omit<GitHubSettings, 'auth'> } {
  const source = bitbucketUrl(env)
  const target = gitHubUrl(env)
  return {
    bitbucket: { baseUrl: source, ...connectionSettings(env, source) },
    github: { baseUrl: target, ...connectionSettings(env, target) },
  }
}

/** The App that people log in to GitHub with. */
export interface OAuthSettings {
  clientId: string
  clientSecret: string
  redirectUri: string
}

/**
 * The App that people log in to GitHub with, if `SADDLE_GITHUB_CLIENT_ID` names one.
 *
 * @throws SaddleError `MISSING_CONFIGURATION` when only a part of it is there
 */
export function oauthSettings(env: Variables, redirectUri: string | undefined): OAuthSettings | undefined {
  const clientId = env['SADDLE_GITHUB_CLIENT_ID']?.trim()
  const clientSecret = secret(env, 'SADDLE_GITHUB_CLIENT_SECRET')
  if (!clientId && !clientSecret) return undefined
  if (!clientId) throw missing('SADDLE_GITHUB_CLIENT_ID', 'the client id of the GitHub App that SADDLE_GITHUB_CLIENT_SECRET belongs to')
  if (!clientSecret) throw missing('SADDLE_GITHUB_CLIENT_SECRET', 'the client secret of the GitHub App')
  if (!redirectUri) throw missing('--github-redirect', 'the page that GitHub sends people back to (or give --public-url)')
  return { clientId, clientSecret, redirectUri }
}

/** Where the GitHub App's private key is; undefined when none is named. */
export const privateKeyPath = (env: Variables): string | undefined => env['GITHUB_PRIVATE_KEY_PATH']?.trim() || undefined

/** The keys that stored credentials are encrypted with, the current one first; undefined when there are none. */
export function sessionKeys(env: Variables): string[] | undefined {
  const keys = (env['SADDLE_SESSION_KEYS'] ?? '').split(',').map((key) => key.trim()).filter(Boolean)
  return keys.length > 0 ? keys : undefined
}

/** How to reach Redis; undefined when it is not used. */
export function redisSettings(env: Variables): { url: string; ca?: string } | undefined {
  const url = secret(env, 'SADDLE_REDIS_URL')
  if (url === undefined) return undefined
  const caFile = env['SADDLE_CA_FILE']
  return { url, ...(caFile ? { ca: certificates(caFile) } : {}) }
}

/** Where the store lives; an absolute path. */
export const homeDirectory = (env: Variables): string => resolve(env['SADDLE_HOME'] || join(homedir(), '.saddle'))

/** A sentence for each server whose credentials would travel in clear. */
export function plainTextWarnings(env: Variables): string[] {
  return ['SADDLE_BITBUCKET_URL', 'SADDLE_GITHUB_URL'].flatMap((name) => {
    const value = env[name]?.trim()
    if (!value || !URL.canParse(value)) return []
    const url = new URL(value)
    if (!isInsecure(url)) return []
    return [`${name} is a plain http address: the credentials travel to ${url.hostname} in clear. Use https where the server offers it.`]
  })
}

/** The values that must not be shown anywhere, as far as the environment holds them. */
export function secretsOf(env: Variables): string[] {
  const values = secretVariables.map((name) => env[name]?.trim())
  return [...values, ...(env['SADDLE_SESSION_KEYS'] ?? '').split(',')].filter((value) => value !== undefined && value !== '') as string[]
}

const secretVariables = [
  'SADDLE_BITBUCKET_TOKEN', 'SADDLE_BITBUCKET_PASSWORD', 'SADDLE_GITHUB_TOKEN', 'SADDLE_GITHUB_CLIENT_SECRET', 'SADDLE_REDIS_URL',
]

function bitbucketUrl(env: Variables): string {
  const baseUrl = address(env, 'SADDLE_BITBUCKET_URL')
  if (baseUrl !== undefined) return baseUrl
  throw missing('SADDLE_BITBUCKET_URL', 'the address of the Bitbucket server, for example https://bitbucket.example.com. Without one, `saddle sandbox` starts servers to rehearse on')
}

function gitHubUrl(env: Variables): string {
  const baseUrl = address(env, 'SADDLE_GITHUB_URL') ?? publicGitHubUrl
  if (!/^(www\.)?github\.com$/.test(new URL(baseUrl).hostname)) return baseUrl
  throw invalid('SADDLE_GITHUB_URL', `is the address of GitHub's pages. Its REST API is ${publicGitHubUrl}, which applies when the variable is not set`)
}

function bitbucketAuth(env: Variables): BitbucketSettings['auth'] {
  const token = secret(env, 'SADDLE_BITBUCKET_TOKEN')
  if (token !== undefined) return { token }
  const username = env['SADDLE_BITBUCKET_USERNAME']?.trim()
  const password = env['SADDLE_BITBUCKET_PASSWORD']
  if (username && password) return { username, password }
  if (username) throw missing('SADDLE_BITBUCKET_PASSWORD', `the password of ${username}`)
  if (password) throw missing('SADDLE_BITBUCKET_USERNAME', 'the user that SADDLE_BITBUCKET_PASSWORD belongs to')
  throw missing('SADDLE_BITBUCKET_TOKEN', 'an HTTP access token, made in Bitbucket under Manage account (or set SADDLE_BITBUCKET_USERNAME and SADDLE_BITBUCKET_PASSWORD)')
}

function gitHubAuth(env: Variables): GitHubSettings['auth'] {
  const token = secret(env, 'SADDLE_GITHUB_TOKEN')
  if (token !== undefined) return { token }
  const appId = env['SADDLE_GITHUB_APP_ID']?.trim()
  const keyFile = env['GITHUB_PRIVATE_KEY_PATH']
  if (appId && keyFile) return { appId, privateKey: readFile('GITHUB_PRIVATE_KEY_PATH', keyFile) }
  if (appId) throw missing('GITHUB_PRIVATE_KEY_PATH', 'the file with the private key of the GitHub App')
  throw missing('SADDLE_GITHUB_TOKEN', 'a token, made in GitHub under Settings, Developer settings (or set SADDLE_GITHUB_APP_ID and GITHUB_PRIVATE_KEY_PATH)')
}

function connectionSettings(env: Variables, baseUrl: string): ConnectionSettings {
  const caFile = env['SADDLE_CA_FILE']
  const prefix = baseUrl.startsWith('https:') ? 'HTTPS' : 'HTTP'
  const proxyName = [`${prefix}_PROXY`, `${prefix.toLowerCase()}_proxy`].find((name) => env[name])
  const proxy = proxyName === undefined ? undefined : address(env, proxyName)
  const noProxy = env['NO_PROXY'] || env['no_proxy']
  return {
    ...(caFile ? { ca: certificates(caFile) } : {}),
    ...(proxy ? { proxy } : {}),
    ...(proxy && noProxy ? { noProxy } : {}),
  }
}

function certificates(file: string): string {
  const text = readFile('SADDLE_CA_FILE', file)
  if (text.includes('-----BEGIN CERTIFICATE-----')) return text
  throw invalid('SADDLE_CA_FILE', 'names a file without a PEM certificate. A certificate begins with "-----BEGIN CERTIFICATE-----"')
}

function readFile(name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw invalid(name, `names ${path}, which cannot be read (${code ?? 'unknown reason'})`, cause)
  }
}

function address(env: Variables, name: string): string | undefined {
  const value = env[name]?.trim()
  if (!value) return undefined
  const url = URL.canParse(value) ? new URL(value) : undefined
  // The value is not repeated: an address can carry a password.
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:') throw invalid(name, 'is not an http or https address. Write it like https://bitbucket.example.com')
  return value
}

function secret(env: Variables, name: string): string | undefined {
  const value = env[name]?.trim()
  if (!value) return undefined
  if (/[\p{Cc}\s]/u.test(value)) throw invalid(name, 'contains spaces or line breaks: it was probably pasted with something else')
  return value
}

const missing = (name: string, meaning: string): SaddleError =>
  new SaddleError('MISSING_CONFIGURATION', `${name} is not set: ${meaning}.`, { context: { option: name } })

const invalid = (name: string, reason: string, cause?: unknown): SaddleError =>
  new SaddleError('INVALID_INPUT', `${name} ${reason}.`, { context: { option: name }, cause })
