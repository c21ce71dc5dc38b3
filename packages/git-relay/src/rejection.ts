import { SaddleError, type ErrorCode, type Redactor } from '@saddle/transport'
import { showRefName } from './ref-name.ts'
import { sanitize } from './remote-text.ts'

/** Why a target refuses, and what helps. */
interface Refusal {
  code: ErrorCode
  /** In what the target says about the ref, or in what it writes for people. */
  pattern: RegExp
  remedy: string
  /** Finds in a line for people what is concerned: a file, an object. */
  subject?: (line: string) => string | undefined
}

/** GitHub's numbered refusals and those of git-receive-pack itself; the first that matches counts. */
const refusals: readonly Refusal[] = [
  {
    code: 'LARGE_FILE',
    pattern: /GH001|large files detected|exceeds .*file size limit/i,
    remedy:
      'A file in its history is over the limit of the target (GitHub: 100 MiB). Move such files to Git LFS at the source with ' +
      '`git lfs migrate import --everything --above=100MiB`, which rewrites the history, or remove them from it, and migrate that. ' +
      'In a clone of the source, `git log --all --oneline -- <path>` lists the commits that have one.',
    subject: (line) => /File (.+) is ([\d.]+ [KMG]?B)\b/.exec(line)?.slice(1).join(', '),
  },
  {
    code: 'REF_PROTECTED',
    pattern: /GH006|protected branch/i,
    remedy: 'A branch protection of the target forbids it. Let the account pass it, or lift it for the migration.',
  },
  {
    code: 'EMAIL_PRIVACY',
    pattern: /GH007|email privacy|private email/i,
    remedy: 'A commit would publish an e-mail address that its owner keeps private. The owner allows it at the target under Settings, Emails.',
  },
  {
    code: 'LFS_OBJECTS_MISSING',
    pattern: /GH008|unknown Git LFS object|missing Git LFS/i,
    remedy:
      'Its history names Git LFS objects that the target did not get: the source does not have them, or does not serve Git LFS. Upload them ' +
      'to the source with `git lfs push --all` from a clone that has them, and run again.',
    subject: (line) => /(?:^|\s)([0-9a-f]{64})(?:\s|$)/.exec(line)?.[1],
  },
  {
    code: 'RULE_VIOLATION',
    pattern: /GH013|repository rule violations?|push protection|GITHUB PUSH PROTECTION/i,
    remedy: 'A ruleset or the push protection of the target forbids it. Let the account bypass the rule, or allow the secret, and run again.',
  },
  {
    code: 'REF_HIDDEN',
    pattern: /deny (updating|deleting) a hidden ref|hidden ref/i,
    remedy: 'The target keeps this namespace for itself. Leave it out of the namespaces to migrate.',
  },
  {
    code: 'PACK_TOO_LARGE',
    pattern: /pack exceeds maximum allowed size|pack (is )?too large|exceeds? .*(push|pack) (size )?limit/i,
    remedy: 'The push is over the limit of the target (GitHub: 2 GiB). Transfer the history in steps.',
  },
  {
    code: 'UPSTREAM_ERROR',
    pattern: /no space left|disk quota|quota exceeded|out of memory|unable to create temporary|unable to write/i,
    remedy: 'The target has no room or a fault of its own. Tell its operators, then run again.',
  },
  {
    code: 'PACK_CORRUPT',
    pattern: /missing necessary objects|unpack|index-pack|bad pack|fsck|corrupt|sha1 mismatch|early EOF|inflate/i,
    remedy: 'What the source sent did not pass the check of the target; nothing was kept. Run again; if it stays, run `git fsck --full` on the source repository.',
  },
]

const general: Omit<Refusal, 'pattern'> = {
  code: 'REF_REJECTED',
  remedy: 'See what the target says; if the ref was moved at the target in the meantime, run again.',
}

/** Says only that a hook of the server refused; which one, and why, is in the text that it wrote. */
const unspecific = /(pre-receive|update|post-receive) hook declined|^failed$|unpacker error|index-pack (abnormal exit|failed)|unpack-objects abnormal exit/i

/** What a refusal means: a code, and a text with cause and remedy. */
export interface Explanation {
  code: ErrorCode
  reason: string
}

/**
 * Explains why a target did not move a ref.
 *
 * @param said - the reason in its report, for example `pre-receive hook declined`
 * @param messages - what the target wrote for people during the push
 */
export function explainRejection(ref: string, said: string, messages: readonly string[]): Explanation {
  const { code, remedy, subject } = refusalIn(said, messagesAbout(ref, messages)) ?? general
  return { code, reason: `The target refused it (${sanitize(said)}). ${remedy}${subjects(messages, subject)}` }
}

/** The error of a pack that the target did not take. No ref was moved. */
export function unpackError(said: string, messages: readonly string[], redactor: Redactor): SaddleError {
  const { code, remedy } = refusalIn(said, messages) ?? general
  const words = messages.filter((line) => /error|fatal/i.test(line)).slice(-3).join(' ')
  const text = `The target did not take the pack and moved no ref (${sanitize(said)}). ${remedy}${words ? ` It says: ${words}` : ''}`
  return new SaddleError(code, text, { redactor })
}

const mostSubjects = 10

/** What the target names as the reason, for example the files that are too large. */
function subjects(messages: readonly string[], subject: Refusal['subject']): string {
  const named = [...new Set(messages.flatMap((line) => subject?.(line) ?? []))]
  if (named.length === 0) return ''
  const more = named.length > mostSubjects ? ` and ${named.length - mostSubjects} more` : ''
  return ` It names: ${named.slice(0, mostSubjects).join('; ')}${more}.`
}

function refusalIn(said: string, messages: readonly string[]): Refusal | undefined {
  const inReason = refusals.find(({ pattern }) => pattern.test(said))
  if (inReason && !unspecific.test(said)) return inReason
  const text = messages.join('\n')
  return refusals.find(({ pattern }) => pattern.test(text)) ?? inReason
}

/** The messages that concern a ref: those that name it if there are any, else those that name no ref. */
function messagesAbout(ref: string, messages: readonly string[]): readonly string[] {
  const shown = showRefName(ref)
  const naming = messages.filter((line) => line.includes(shown))
  return naming.length ? naming : messages.filter((line) => !/refs\/(heads|tags|notes)\//.test(line))
}
