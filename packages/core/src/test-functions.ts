/**
 * The test functions that a contract suite is written with; those of vitest, jest, mocha and `node:test` all fit.
 * Assertions are `node:assert`, so that a suite needs nothing else.
 */
export interface TestFunctions {
  /** Opens a group of tests. */
  describe: (name: string, body: () => void) => unknown
  /** Files a test. */
  it: (name: string, body: () => Promise<void> | void) => unknown
  /** Runs before each test of the group. */
  beforeEach: (body: () => Promise<void> | void) => unknown
  /** Runs after each test of the group. */
  afterEach: (body: () => Promise<void> | void) => unknown
}

/** Looks again until the answer is there, for at most `timeoutMs`; for what another process or a clock brings about. */
export async function eventually<T>(look: () => Promise<T | undefined> | T | undefined, timeoutMs = 20_000): Promise<T> {
  const end = Date.now() + timeoutMs
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (Date.now() > end) throw new Error(`nothing within ${timeoutMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
