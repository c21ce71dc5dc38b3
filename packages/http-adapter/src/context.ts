import {
  SaddleError, type BitbucketClient, type Credentials, type CredentialVault, type GitHubClient, type JobQueue, type MigrationStore, type SessionStore,
} from '@saddle/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Clients, Patience } from './clients.ts'
import { headerToken } from './github/header-token.ts'
import type { GitHubLogin } from './github/login.ts'
import type { Jobs } from './jobs/jobs.ts'
import type { Snapshots } from './jobs/snapshots.ts'
import { HttpProblem } from './security/errors.ts'
import type { Session, Sessions } from './sessions/sessions.ts'
import type { Feeds } from './streams/feed.ts'
import type { Streams } from './streams/streams.ts'

/** What routes work with. */
export interface Context {
  readonly store: MigrationStore
  readonly sessionStore: SessionStore
  readonly queue: JobQueue
  readonly vault: CredentialVault
  readonly sessions: Sessions
  readonly clients: Clients
  readonly jobs: Jobs
  readonly feeds: Feeds
  readonly snapshots: Snapshots
  readonly streams: Streams
  /** Absent when the operator configured no App to log in with. */
  readonly login: GitHubLogin | undefined
  /** Origins that may call with credentials, the server's own included. */
  readonly origins: ReadonlySet<string>
}

/** What a request for work is told that came without a login. */
export const missingBitbucket = 'Missing Bitbucket credentials. Please authenticate first.'

/** The credentials of the session's Bitbucket login. */
export async function bitbucketCredential(context: Context, session: Session): Promise<Credentials['bitbucket']> {
  const { bitbucket } = await context.sessions.credentials(session)
  if (bitbucket) return bitbucket
  throw new HttpProblem(401, 'NOT_AUTHENTICATED', missingBitbucket)
}

/** The token in the request's headers, else that of the session's GitHub login. */
export async function githubCredential(context: Context, request: FastifyRequest, session?: Session): Promise<Credentials['github']> {
  const own = headerToken(request)
  if (own) return own
  const found = session ?? (await context.sessions.find(request))
  const read = async () => found && (await context.sessions.credentials(found)).github
  const credential = found && context.login ? await context.login.fresh(found.subject, read) : await read()
  if (credential) return credential
  throw new HttpProblem(401, 'NOT_AUTHENTICATED', 'Missing GitHub token in session. Please authenticate with GitHub first.')
}

/** Asks the source with the session's login. The signal fires when the caller goes away. */
export async function askBitbucket<T>(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  work: (client: BitbucketClient, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const credential = await bitbucketCredential(context, await context.sessions.require(request))
  const signal = abandoned(reply)
  return context.clients.bitbucket(credential, (client) => work(client, signal))
}

/** Asks the target with the caller's token or login. The signal fires when the caller goes away. */
export async function askGitHub<T>(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  work: (client: GitHubClient, signal: AbortSignal) => Promise<T>,
  patience?: Patience,
): Promise<T> {
  const credential = await githubCredential(context, request)
  const signal = abandoned(reply)
  return context.clients.github(credential, (client) => work(client, signal), patience)
}

/** What a migration needs; 503 while the server stops. */
export async function credentialsForWork(context: Context, request: FastifyRequest, session: Session): Promise<Credentials> {
  const bitbucket = await bitbucketCredential(context, session)
  const github = await githubCredential(context, request, session)
  if (context.jobs.accepts) return { bitbucket, github }
  throw new HttpProblem(503, 'STOPPING', 'The server is stopping and takes no new work. Try again in a moment.')
}

/** A token from a header is not the session's, so a job that it is given to holds it as its own. */
export const ownToken = (request: FastifyRequest, { github }: Credentials): Partial<Credentials> => (headerToken(request) ? { github } : {})

/** Up to so many items of a lazy list, after leaving some out. */
export async function take<T>(list: AsyncIterable<T>, count: number, skip = 0): Promise<T[]> {
  const items: T[] = []
  if (count === 0) return items
  let index = 0
  for await (const item of list) {
    if (index++ < skip) continue
    items.push(item)
    if (items.length === count) break
  }
  return items
}

/** Fires when the caller goes away, so that nobody is asked for an answer that nobody reads. */
export function abandoned(reply: FastifyReply): AbortSignal {
  const controller = new AbortController()
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) controller.abort(new SaddleError('ABORTED', 'The caller went away.'))
  })
  return controller.signal
}
