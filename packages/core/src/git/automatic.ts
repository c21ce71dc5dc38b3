import { SaddleError } from '@saddle/transport'
import type { GitBackend, GitTransfer, TransferProgress, TransferResult } from './backend.ts'
import { NativeBackend } from './native.ts'
import { RelayBackend } from './relay.ts'

/** Sizes on disk are what git's own packs will have, but not to the byte. */
const margin = 0.9

/** The relay; and for a pack that is larger than the target takes at once, git on disk, which pushes in steps. */
export class AutomaticBackend implements GitBackend {
  readonly name = 'relay'

  async transfer(
    request: GitTransfer,
    options: { signal?: AbortSignal; onProgress?: (progress: TransferProgress) => void } = {},
  ): Promise<TransferResult> {
    try {
      return await new RelayBackend().transfer(request, options)
    } catch (thrown) {
      const tooLarge = SaddleError.from(thrown)
      const limit = request.limits?.packBytes
      if (tooLarge.code !== 'PACK_TOO_LARGE' || limit === undefined) throw tooLarge
      const message = 'The pack is larger than the target takes in one push: going on with git on disk, in steps.'
      options.onProgress?.({ phase: 'counting', bytes: 0, objects: 0, message })
      try {
        return await new NativeBackend().transfer({ ...request, limits: { packBytes: Math.floor(limit * margin) } }, options)
      } catch (error) {
        throw SaddleError.from(error).code === 'BACKEND_UNAVAILABLE' ? tooLarge : error
      }
    }
  }
}
