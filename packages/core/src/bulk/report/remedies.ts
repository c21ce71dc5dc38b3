import type { ErrorCode } from '@saddle/transport'

const again = 'It passes by itself: retry the repositories that failed.'
const credentials = 'Check the token: that it is valid, and that it has the rights that the documentation lists.'

/** What helps, by the code of a failure; the failure's own text says what happened in the case at hand. */
export const remedies: Readonly<Record<ErrorCode, string>> = {
  INVALID_INPUT: 'Correct the request or the map, and start these repositories again.',
  MISSING_CONFIGURATION: 'Set what is missing, and retry.',
  ADDRESS_NOT_ALLOWED: 'Have the operator allow the host, or correct the address.',
  NETWORK: again,
  TIMEOUT: again,
  TLS: "Give the server's certificate authority with the CA option; verification is never switched off.",
  REDIRECTED: 'Use the final address in the configuration.',
  AUTHENTICATION_FAILED: credentials,
  CAPTCHA_REQUIRED: 'Log in to Bitbucket with a browser once as this user, then retry.',
  FORBIDDEN: credentials,
  NOT_FOUND: 'Check that the repository still exists and that the credentials may see it.',
  ALREADY_EXISTS: 'A repository of this name was there before. Choose another name, or say that it is to be brought up to date.',
  CONFLICT: 'Something else has this name, or changed at the same time. Look at the target, then retry.',
  RATE_LIMITED: 'The server asked for a longer wait than was granted. Retry later.',
  UPSTREAM_ERROR: again,
  PROTOCOL_ERROR: 'The server answered what it should not have. Retry; if it stays, the text tells the operators of the server where to look.',
  ABORTED: 'It was cancelled. Retry to continue where it stopped.',
  OBJECT_FORMAT_MISMATCH: 'The source uses SHA-256 objects, which the target does not take.',
  PACK_CORRUPT: 'The transfer was damaged and nothing was taken over. Retry; if it stays, have git fsck look at the source.',
  PACK_TOO_LARGE: 'One push is limited in size. Use the native git backend, or split large history.',
  LARGE_FILE: 'Move the named files to Git LFS at the source, or remove them from history, then retry.',
  REF_DIVERGED: 'The target has commits that the source lacks. Keep them elsewhere, or retry with force.',
  REF_REJECTED: 'The target refused the named refs; the others arrived. See the reason given with each.',
  REF_HIDDEN: 'The target reserves these names for itself. Leave their namespace out.',
  REF_PROTECTED: 'Suspend the protection of the named branches at the target, then retry.',
  EMAIL_PRIVACY: 'The target refuses commits with a private e-mail address. Have its owner allow them, then retry.',
  LFS_OBJECTS_MISSING: 'The source lacks Git LFS objects that its history names. Upload them to it from a clone that has them, then retry.',
  RULE_VIOLATION: 'A rule or push protection at the target refused the push. Suspend or bypass it, then retry.',
  VERIFICATION_FAILED: 'The target is not what was sent. Retry; it compares again and sends what is missing.',
  BACKEND_UNAVAILABLE: 'Install what the text names, or choose another backend.',
  STORE_FAILED: 'Saddle could not write down what it did. Put its store in order, then retry.',
  STORE_FULL: "Make room for Saddle's store, then retry.",
  MIGRATION_RUNNING: 'Another migration works on this target. Retry when it has ended.',
  LEASE_LOST: 'Another process took over. Look at its outcome.',
  INTERNAL: 'This should not happen. Retry, and report it with the text.',
}
