import { AsyncLocalStorage } from 'node:async_hooks'
import type { BitbucketClient } from '@saddle/bitbucket-client'
import type { GitHubClient } from '@saddle/github-client'
import type { HttpEvents } from '@saddle/transport'
import type { ProgressEventBody } from './events.ts'

/** How a run hears of its clients' waits and retries. */
export type Report = (event: ProgressEventBody) => void

/** Waits that are shorter are the ordinary course of things. */
const worthTelling = 1000

const whyWaiting: Readonly<Record<HttpEvents['throttle']['reason'], (host: string) => string>> = {
  concurrency: (host) => `as many requests as ${host} should have at once are under way`,
  points: (host) => `${host} takes only so many requests in a time`,
  creation: (host) => `${host} lets only so many repositories be created in a minute and in an hour`,
  told: (host) => `${host} asked for it`,
}

/**
 * Passes the clients' retries and waits on to the run that made the request, and to no other: requests belong to the run in
 * whose asynchronous context they were made (`docs/decisions/014-whose-wait-it-is.md`).
 */
export class ClientNotices {
  readonly #clients: readonly (BitbucketClient | GitHubClient)[]
  readonly #run = new AsyncLocalStorage<Report>()
  #runs = 0

  constructor(clients: readonly (BitbucketClient | GitHubClient)[]) {
    this.#clients = clients
  }

  /** Does the work of a run, and tells it of the retries and waits of all requests that it makes on its way. */
  async during<T>(report: Report, work: () => Promise<T>): Promise<T> {
    if (this.#runs++ === 0) this.#attach()
    try {
      return await this.#run.run(report, work)
    } finally {
      if (--this.#runs === 0) this.#detach()
    }
  }

  readonly #onRetry = ({ host, waitMs, message }: HttpEvents['retry']): void => {
    const text = `${message.includes(host) ? '' : `${host}: `}${message} Trying again in ${(waitMs / 1000).toFixed(1)} s.`
    this.#run.getStore()?.({ type: 'message', level: 'warning', text })
  }

  readonly #onThrottle = ({ host, reason, waitMs }: HttpEvents['throttle']): void => {
    if (waitMs < worthTelling) return
    const text = `Waiting ${Math.ceil(waitMs / 1000)} s: ${whyWaiting[reason](host)}.`
    this.#run.getStore()?.({ type: 'message', level: 'info', text })
  }

  #attach(): void {
    for (const client of this.#clients) client.on('retry', this.#onRetry).on('throttle', this.#onThrottle)
  }

  #detach(): void {
    for (const client of this.#clients) client.off('retry', this.#onRetry).off('throttle', this.#onThrottle)
  }
}
