import { retryDefaults, SaddleError, type GitRemote } from '@saddle/transport'

// In all about half a minute; GitHub needs a second or two.
const waits = [250, 500, 1000, 2000, 4000, 4000, 4000, 4000, 4000, 4000] as const

/** Asks git for a repository's refs until it is there. */
export async function waitForGit(
  { url, http }: GitRemote,
  { signal, sleep = retryDefaults.sleep }: { signal?: AbortSignal | undefined; sleep?: typeof retryDefaults.sleep | undefined },
): Promise<void> {
  for (let look = 0; ; look++) {
    try {
      const { body } = await http.request(`${url}/info/refs?service=git-receive-pack`, { signal })
      body.destroy()
      return
    } catch (thrown) {
      const error = SaddleError.from(thrown)
      const waitMs = waits[look]
      if (error.code !== 'NOT_FOUND') throw error
      if (waitMs === undefined) {
        throw new SaddleError('NOT_FOUND', `GitHub made the repository, but git does not see it: ${error.message} Try again later.`, {
          context: error.context,
          retryable: true,
        })
      }
      await sleep(waitMs, signal)
    }
  }
}
