import { EventEmitter } from 'eventemitter3'

/**
 * A typed emitter whose listeners cannot do harm: one that throws, or returns a promise that rejects, disturbs neither
 * the other listeners nor the work that is being reported.
 *
 * @typeParam Events - a map from the event's name to the type of its one argument
 */
export class SafeEmitter<Events extends object> {
  readonly #emitter = new EventEmitter<string>()
  // Guards are made when a listener is added, so that `once` and `off` stay the library's own.
  readonly #guards = new WeakMap<object, (event: unknown) => void>()

  /** Calls the listener at every event of that name. */
  on<Name extends keyof Events & string>(name: Name, listener: (event: Events[Name]) => unknown): this {
    this.#emitter.on(name, this.#guard(listener))
    return this
  }

  /** Calls the listener at the next event of that name only. */
  once<Name extends keyof Events & string>(name: Name, listener: (event: Events[Name]) => unknown): this {
    this.#emitter.once(name, this.#guard(listener))
    return this
  }

  /** Takes a listener away, or without one all listeners of that name. */
  off<Name extends keyof Events & string>(name: Name, listener?: (event: Events[Name]) => unknown): this {
    this.#emitter.off(name, listener && this.#guard(listener))
    return this
  }

  /** How many listeners an event has. */
  listenerCount(name: keyof Events & string): number {
    return this.#emitter.listenerCount(name)
  }

  /** Reports an event; returns whether anybody listened. Never throws. */
  protected emit<Name extends keyof Events & string>(name: Name, event: Events[Name]): boolean {
    return this.#emitter.emit(name, event)
  }

  #guard<Event>(listener: (event: Event) => unknown): (event: unknown) => void {
    const known = this.#guards.get(listener)
    if (known) return known
    const guarded = (event: unknown) => {
      try {
        // Not only promises of this realm: whatever is awaitable may reject.
        Promise.resolve(listener(event as Event)).catch(() => undefined)
      } catch {
        // By contract the promise of the call carries failures; a listener never does.
      }
    }
    this.#guards.set(listener, guarded)
    return guarded
  }
}
