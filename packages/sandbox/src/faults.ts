import type { RecordedRequest } from './http/recording.ts'
import { SeededRandom } from './random.ts'

/** What goes wrong. */
export type FaultAction =
  /** Answer with this status in place of the real answer; the request is not carried out. An object is sent as JSON. */
  | { readonly status: number; readonly body?: string | object; readonly headers?: Readonly<Record<string, string>> }
  /** Wait this long, then go on as usual. */
  | { readonly delayMs: number }
  /** Reset the connection (TCP RST) at once. */
  | { readonly reset: true }
  /** Take this many bytes of the request's body, then reset the connection. */
  | { readonly resetRequestAfter: number }
  /** Send the first bytes of the real answer's body, then end it as if it were complete. */
  | { readonly truncateAfter: number }
  /** Send the first bytes of the real answer's body, then reset the connection. */
  | { readonly resetAfter: number }
  /** Flip all bits of the byte at this offset of the real answer's body. */
  | { readonly corruptAt: number }
  /** Carry the request out, then close the connection without an answer. */
  | { readonly dropAnswer: true }
  /** Confirm a push, ref by ref, and write nothing. */
  | { readonly lie: true }
  | {
      /** Change the body of the real answer. */
      readonly replaceBody: (body: string) => string
    }
  /** Never answer, and keep the connection open. */
  | { readonly stall: true }
  | {
      /** Run a function before the request is carried out, wait for it, then go on as usual. */
      readonly before: (request: RecordedRequest) => void | Promise<void>
    }

/** Which requests go wrong, how often, and in which way. */
export interface FaultRule {
  /** HTTP method; any by default. */
  readonly method?: string
  /** A part of the path with query, or an expression for it. */
  readonly path: RegExp | string
  /** How many requests it strikes. Default 1, without end where `probability` is given. */
  readonly times?: number
  /** How many matching requests pass before the first that is struck. Default 0. */
  readonly skip?: number
  /** Chance of a matching request to be struck, 0 to 1, from a seeded generator. */
  readonly probability?: number
  /** Seed of that generator. Default 1. */
  readonly seed?: number
  readonly action: FaultAction
}

/** A fault that was asked for. */
export interface FaultHandle {
  /** Requests that matched, whether struck or not. */
  readonly matched: number
  /** Requests struck so far. */
  readonly hits: number
  /** Resolves as the first request is struck. */
  readonly fired: Promise<void>
  /** Ends it. */
  remove(): void
}

class ActiveFault implements FaultHandle {
  matched = 0
  hits = 0
  readonly fired: Promise<void>
  readonly rule: FaultRule
  readonly #random: SeededRandom
  readonly #onRemove: () => void
  #fire: () => void = () => {}

  constructor(rule: FaultRule, onRemove: () => void) {
    this.rule = rule
    this.#onRemove = onRemove
    this.#random = new SeededRandom(rule.seed ?? 1)
    this.fired = new Promise((resolve) => (this.#fire = resolve))
  }

  strikes(request: RecordedRequest): boolean {
    const { method, path, skip = 0, probability } = this.rule
    if (method && method.toUpperCase() !== request.method) return false
    // A new expression each time, as one with the `g` flag remembers where it stopped.
    if (typeof path === 'string' ? !request.path.includes(path) : !new RegExp(path).test(request.path)) return false
    const times = this.rule.times ?? (probability === undefined ? 1 : Infinity)
    if (this.hits >= times || ++this.matched <= skip) return false
    if (probability !== undefined && this.#random.next() >= probability) return false
    this.hits++
    this.#fire()
    return true
  }

  remove(): void {
    this.#onRemove()
  }
}

/** The faults of one server. The first that strikes decides. */
export class FaultList {
  readonly #faults = new Set<ActiveFault>()

  add(rule: FaultRule): FaultHandle {
    const fault: ActiveFault = new ActiveFault(rule, () => this.#faults.delete(fault))
    this.#faults.add(fault)
    return fault
  }

  match(request: RecordedRequest): FaultAction | undefined {
    for (const fault of this.#faults) {
      if (fault.strikes(request)) return fault.rule.action
    }
    return undefined
  }
}
