import type { GitChoice } from '../request.ts'
import { AutomaticBackend } from './automatic.ts'
import type { GitBackend } from './backend.ts'
import { IsomorphicBackend } from './isomorphic.ts'
import { NativeBackend } from './native.ts'
import { RelayBackend } from './relay.ts'

/** A backend, and why it is the one. */
export interface ChosenBackend {
  backend: GitBackend
  reason: string
}

/**
 * Finds the backend for a request.
 *
 * @param given - the engine's own backend, which serves every request that leaves the choice open or names it
 * @throws SaddleError `BACKEND_UNAVAILABLE` when the request names one that is not there
 */
export function chooseBackend(choice: GitChoice, given: GitBackend | 'auto'): ChosenBackend {
  if (given !== 'auto' && (choice === 'auto' || choice === given.name)) {
    return { backend: given, reason: 'The engine was given it.' }
  }
  if (choice === 'auto') return { backend: new AutomaticBackend(), reason: 'It streams from server to server and needs no disk.' }
  if (choice === 'relay') return { backend: new RelayBackend(), reason: 'The request names it.' }
  if (choice === 'native') return { backend: new NativeBackend(), reason: 'The request names it.' }
  return { backend: new IsomorphicBackend(), reason: 'The request names it.' }
}
