/**
 * Where sessions, and the sealed credentials that belong to them, are kept: a small table of texts (without NUL) that expire. Every
 * write is durable when its promise resolves, and each method is atomic, also between processes that share a store.
 *
 * Every method fails with `STORE_FULL` when there is no room and `STORE_FAILED` when the store cannot be used.
 * Implementations run `sessionStoreSuite` of `@saddle/core/testing`.
 */
export interface SessionStore {
  /** The value, unless there is none or it expired. */
  get(key: string): Promise<string | undefined>
  /** Writes a value, whatever was there. `expiresAt` is in milliseconds since 1970; from then on it is gone. */
  set(key: string, value: string, expiresAt: number): Promise<void>
  /**
   * Writes a value if the present one is `expected` (undefined: if there is none). False, and nothing written, when
   * somebody else was faster: read again and decide again.
   */
  replace(key: string, expected: string | undefined, value: string, expiresAt: number): Promise<boolean>
  /** Removes a value and returns it. Of several callers at once exactly one gets it: what is taken is used once. */
  take(key: string): Promise<string | undefined>
  /**
   * Moves an entry to a new key with a new value: the old key is gone in the moment the new one exists. False, and
   * nothing written, when the old key has no entry (any more).
   */
  rotate(from: string, to: string, value: string, expiresAt: number): Promise<boolean>
  /** Removes a value; whether there was one. */
  delete(key: string): Promise<boolean>
  /** Resolves when the store can be used now. */
  ping(): Promise<void>
  /** Frees resources. Nothing else may be called afterwards. */
  close(): Promise<void>
}
