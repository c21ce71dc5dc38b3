import { retryDefaults, SaddleError, type GitRemote } from '@saddle/transport'

// In all about half a minute; GitHub needs a second or two.
const waits = [250, 500, 1000, 2000, 4000, 4000, 4000, 4000, 4000, 4000] as const

/** How to wait for git. */
export interface ReadinessOptions {
  signal?: AbortSignal | undefined
  sleep?: typeof retryDefaults.sleep | undefined
  /** What to ask git for, failing with `NOT_FOUND` while it does not see the repository; by default its refs. */
  look?: (() => Promise<unknown>) | undefined
}

/** Asks git for a repository until it is there. */
export async function waitForGit({ url, http }: GitRemote, { signal, sleep = retryDefaults.sleep, look }: ReadinessOptions): Promise<void> {
  const askForRefs = async () => {
    const { body } = await http.request(`${url}/info/refs?service=git-receive-pack`, { signal })
    body.destroy()
  }
  for (let looks = 0; ; looks++) {
    try {
      await (look ?? askForRefs)()
      return
    } catch (thrown) {
      const error = SaddleError.from(thrown)
      const waitMs = waits[looks]
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
