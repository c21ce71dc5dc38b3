import type { BitbucketClient } from '@saddle/bitbucket-client'
import type { GitHubClient } from '@saddle/github-client'
import type { HttpEvents } from '@saddle/transport'
import type { ProgressEventBody } from './events.ts'
import type { NormalizedRequest } from './request.ts'

/** A run that wants to hear of its clients' waits and retries. */
export interface Listener {
  request: NormalizedRequest
  report: (event: ProgressEventBody) => void
}

/** Waits that are shorter are the ordinary course of things. */
const worthTelling = 1000

const whyWaiting: Readonly<Record<HttpEvents['throttle']['reason'], (host: string) => string>> = {
  concurrency: (host) => `as many requests as ${host} should have at once are under way`,
  points: (host) => `${host} takes only so many requests in a time`,
  creation: (host) => `${host} lets only so many repositories be created in a minute and in an hour`,
  told: (host) => `${host} asked for it`,
}

/**
 * Passes the clients' retries and waits on to the runs that they concern: by the repository in the request's path, and to
 * all of them where the path names none.
 */
export class ClientNotices {
  readonly #clients: readonly (BitbucketClient | GitHubClient)[]
  readonly #listeners = new Set<Listener>()

  constructor(clients: readonly (BitbucketClient | GitHubClient)[]) {
    this.#clients = clients
  }

  /** Starts to listen; call the function that is returned to end that. */
  listen(listener: Listener): () => void {
    if (this.#listeners.size === 0) this.#attach()
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size === 0) this.#detach()
    }
  }

  readonly #onRetry = ({ host, path, waitMs, message }: HttpEvents['retry']): void => {
    const concerned = [...this.#listeners].filter(({ request }) => isNamedIn(path, request))
    const text = `${message.includes(host) ? '' : `${host}: `}${message} Trying again in ${(waitMs / 1000).toFixed(1)} s.`
    for (const { report } of concerned.length > 0 ? concerned : this.#listeners) report({ type: 'message', level: 'warning', text })
  }

  readonly #onThrottle = ({ host, reason, waitMs }: HttpEvents['throttle']): void => {
    if (waitMs < worthTelling) return
    const text = `Waiting ${Math.ceil(waitMs / 1000)} s: ${whyWaiting[reason](host)}.`
    for (const { report } of this.#listeners) report({ type: 'message', level: 'info', text })
  }

  #attach(): void {
    for (const client of this.#clients) client.on('retry', this.#onRetry).on('throttle', this.#onThrottle)
  }

  #detach(): void {
    for (const client of this.#clients) client.off('retry', this.#onRetry).off('throttle', this.#onThrottle)
  }
}

/** Whether a path names one of the two repositories; not one whose name only begins like it. */
function isNamedIn(path: string, { source, target }: NormalizedRequest): boolean {
  const { project, repository } = source
  const { owner, name } = target
  const whole = `${path.toLowerCase()}/`
  return [
    `/projects/${project}/repos/${repository}`, `/scm/${project}/${repository}.git`, `/${owner}/${name}.git`, `/repos/${owner}/${name}`,
  ].some((name) => whole.includes(`${name.toLowerCase()}/`))
}
