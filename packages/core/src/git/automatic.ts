import { SaddleError, type ErrorCode } from '@saddle/transport'
import type { GitBackend, GitTransfer, TransferOptions, TransferResult } from './backend.ts'
import { IsomorphicBackend } from './isomorphic.ts'
import { NativeBackend } from './native.ts'
import { RelayBackend } from './relay.ts'

/** Where packs cannot be streamed from the one to the other, and those who hold them can do better. */
const takenOver: ReadonlySet<ErrorCode> = new Set(['PACK_TOO_LARGE', 'PROTOCOL_ERROR'])

/** The relay; where that cannot do it, git on disk; and where there is no git, isomorphic-git. */
export class AutomaticBackend implements GitBackend {
  readonly name = 'relay'

  async transfer(request: GitTransfer, options: TransferOptions = {}): Promise<TransferResult> {
    try {
      return await new RelayBackend().transfer(request, options)
    } catch (thrown) {
      const refused = SaddleError.from(thrown)
      if (!takenOver.has(refused.code) || refused.retryable) throw refused
      const others: [GitBackend, string][] = [
        [new NativeBackend(), 'git on disk'],
        [new IsomorphicBackend(), 'isomorphic-git'],
      ]
      for (const [backend, description] of others) {
        options.onProgress?.({ phase: 'counting', bytes: 0, objects: 0, notice: `Going on with ${description}: ${refused.message}` })
        try {
          const result = await backend.transfer(request, options)
          return { ...result, backend: { name: backend.name, reason: `The relay could not do it: ${refused.message}` } }
        } catch (error) {
          if (SaddleError.from(error).code !== 'BACKEND_UNAVAILABLE') throw error
        }
      }
      throw refused
    }
  }
}
