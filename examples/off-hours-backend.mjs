// A git backend of your own: packs are sent at night only, so that the working day has the line for itself. Everything else
// (looking, planning, settings) goes on by day. It leaves the moving to another backend, and passes the contract suite like
// any other.
//
//   new MigrationEngine({ bitbucket, github, git: new OffHoursBackend(new RelayBackend(), { from: 20, to: 6 }) })
import { setTimeout } from 'node:timers/promises'
import { SaddleError } from '@saddle/core'

export class OffHoursBackend {
  name = 'off-hours'
  #inner
  #hours

  /** @param hours - `from` and `to` in local time; `hour` tells the present one */
  constructor(inner, { from, to, hour = () => new Date().getHours() }) {
    this.#inner = inner
    this.#hours = { from, to, hour }
  }

  async transfer(request, options = {}) {
    const { signal, onProgress } = options
    while (!this.#isNight()) {
      onProgress?.({ phase: 'counting', bytes: 0, objects: 0, message: `Waiting until ${this.#hours.from}:00` })
      // Whoever waits has to end with the signal.
      await setTimeout(60_000, undefined, { signal }).catch((cause) => {
        throw new SaddleError('ABORTED', 'The transfer was cancelled while it waited for the night.', { cause })
      })
    }
    return this.#inner.transfer(request, options)
  }

  #isNight() {
    const { from, to, hour } = this.#hours
    const now = hour()
    return from <= to ? now >= from && now < to : now >= from || now < to
  }
}
