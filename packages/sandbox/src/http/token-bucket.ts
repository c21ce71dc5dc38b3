/** A token bucket: `capacity` requests at once, refilled at `fillRate` a second. */
export class TokenBucket {
  readonly capacity: number
  readonly fillRate: number
  #tokens: number
  #filledAt: number

  constructor(capacity: number, fillRate: number, now = Date.now()) {
    this.capacity = capacity
    this.fillRate = fillRate
    this.#tokens = capacity
    this.#filledAt = now
  }

  /** Takes a token. Returns the seconds to wait when there is none, else 0. */
  take(now = Date.now()): number {
    const filled = this.#tokens + ((now - this.#filledAt) / 1000) * this.fillRate
    this.#tokens = Math.min(this.capacity, filled)
    this.#filledAt = now
    if (this.#tokens >= 1) {
      this.#tokens -= 1
      return 0
    }
    return Math.max(1, Math.ceil((1 - this.#tokens) / this.fillRate))
  }

  /** Whole tokens left. */
  get remaining(): number {
    return Math.floor(this.#tokens)
  }
}
