import { SaddleError, type GitRemote } from '@saddle/transport'
import type { GitOutcome } from './run-git.ts'

const lastWords = (stderr: string): string => stderr.trim().split(/[\r\n]+/).filter((line) => /fatal|error|remote:/i.test(line)).slice(-3).join(' ').slice(0, 500)

/** A git command that only works on the disk and still failed. */
export function programFailure(command: string, { status, stderr }: GitOutcome): SaddleError {
  if (/no space left|disk quota/i.test(stderr)) return diskFailure(undefined)
  return new SaddleError('BACKEND_UNAVAILABLE', `"git ${command}" failed (${status}): ${lastWords(stderr)}`, { context: { exitCode: status } })
}

/** What went wrong on the disk, whichever way it showed. */
export function diskFailure(thrown: unknown): SaddleError {
  if (SaddleError.is(thrown)) return thrown
  const code = thrown instanceof Error ? (thrown as NodeJS.ErrnoException).code : 'ENOSPC'
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new SaddleError('STORE_FULL', 'The disk of the work directory is full. Nothing is lost: free some room or choose another work directory, and run again.', { cause: thrown, context: { option: 'workDirectory' } })
  }
  return new SaddleError('STORE_FAILED', `The work directory cannot be used (${code ?? 'unknown'}). Check that it exists and can be written to.`, { cause: thrown, context: { option: 'workDirectory' } })
}

const kinds: [RegExp, 'AUTHENTICATION_FAILED' | 'CAPTCHA_REQUIRED' | 'NOT_FOUND' | 'TLS' | 'REDIRECTED' | 'RATE_LIMITED' | 'FORBIDDEN' | 'PACK_CORRUPT' | 'UPSTREAM_ERROR' | 'NETWORK', string][] = [
  [/CAPTCHA required/i, 'CAPTCHA_REQUIRED', 'Log in with a browser once to answer the captcha, or use an access token.'],
  [/Authentication failed|could not read (Username|Password)|returned error: 401/i, 'AUTHENTICATION_FAILED', 'Check the credentials.'],
  [/returned error: 403|Permission .* denied/i, 'FORBIDDEN', 'Check the permissions of the credentials.'],
  [/returned error: 404|not found/i, 'NOT_FOUND', 'Check the address and that the credentials may see the repository.'],
  [/returned error: 429/i, 'RATE_LIMITED', 'The server limits the rate of requests.'],
  [/SSL certificate|certificate verif|self.signed/i, 'TLS', "Give the authority's certificate as `ca`."],
  [/unable to update url base from redirection|redirect|returned error: 30\d/i, 'REDIRECTED', 'Redirects are not followed; use the final address.'],
  [/index-pack failed|bad pack|corrupt|inflate|sha1 mismatch|did not send all necessary objects/i, 'PACK_CORRUPT', 'What was sent is damaged; nothing was kept. Run again; if it stays, run "git fsck --full" there.'],
  [/returned error: 5\d\d/i, 'UPSTREAM_ERROR', 'The server failed.'],
]

/** What git says when it cannot fetch from a server. */
export function remoteFailure(remote: GitRemote, { status, stderr }: GitOutcome): SaddleError {
  if (/no space left|disk quota/i.test(stderr)) return diskFailure(undefined)
  const { host } = remote.http.baseUrl
  const [, code, remedy] = kinds.find(([pattern]) => pattern.test(stderr)) ?? [undefined, 'NETWORK' as const, 'The connection broke.']
  return new SaddleError(code, `git could not fetch from ${host}. ${remedy} It says: ${lastWords(stderr)}`, {
    context: { host, exitCode: status },
    redactor: remote.http.redactor,
    // A connection that was cut short shows as a damaged pack as well.
    ...(code === 'PACK_CORRUPT' ? { retryable: true } : {}),
  })
}
