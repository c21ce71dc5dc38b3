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
 * Passes the clients' retries and waits on to the run that they concern, by the repository that a request names; what
 * names none (the token of an App that is renewed for all) is told to all (`docs/decisions/014-whose-wait-it-is.md`).
 */
export class ClientNotices {
  readonly #clients: readonly (BitbucketClient | GitHubClient)[]
  readonly #listeners = new Set<Listener>()

  constructor(clients: readonly (BitbucketClient | GitHubClient)[]) {
    this.#clients = clients
  }

  /** Does the work of a run, and tells it of the retries and waits of the requests that it makes on its way. */
  async during<T>(listener: Listener, work: () => Promise<T>): Promise<T> {
    if (this.#listeners.size === 0) this.#attach()
    this.#listeners.add(listener)
    try {
      return await work()
    } finally {
      this.#listeners.delete(listener)
      if (this.#listeners.size === 0) this.#detach()
    }
  }

  readonly #onRetry = (event: HttpEvents['retry']): void => {
    const { host, waitMs, message } = event
    this.#tell(event, 'warning', `${message.includes(host) ? '' : `${host}: `}${message} Trying again in ${(waitMs / 1000).toFixed(1)} s.`)
  }

  readonly #onThrottle = (event: HttpEvents['throttle']): void => {
    const { host, reason, waitMs } = event
    if (waitMs >= worthTelling) this.#tell(event, 'info', `Waiting ${Math.ceil(waitMs / 1000)} s: ${whyWaiting[reason](host)}.`)
  }

  #tell(event: { path: string; about?: string | undefined }, level: 'info' | 'warning', text: string): void {
    const concerned = [...this.#listeners].filter(({ request }) => isNamedIn(event, request))
    for (const { report } of concerned.length > 0 ? concerned : this.#listeners) report({ type: 'message', level, text })
  }

  #attach(): void {
    for (const client of this.#clients) client.on('retry', this.#onRetry).on('throttle', this.#onThrottle)
  }

  #detach(): void {
    for (const client of this.#clients) client.off('retry', this.#onRetry).off('throttle', this.#onThrottle)
  }
}

/** Whether a request names one of the two repositories; not one whose name only begins like it. */
function isNamedIn({ path, about }: { path: string; about?: string | undefined }, { source, target }: NormalizedRequest): boolean {
  const { project, repository } = source
  const { owner, name } = target
  const whole = `${about === undefined ? path : `/${about}.git`}/`.toLowerCase()
  return [
    `/projects/${project}/repos/${repository}`, `/scm/${project}/${repository}.git`, `/${owner}/${name}.git`, `/repos/${owner}/${name}`,
  ].some((name) => whole.includes(`${name}/`.toLowerCase()))
}
