import type { RefCommand } from '../git/receive-pack.ts'
import type { RefRule } from './options.ts'

const texts: Record<string, { reason: string; text: (ref: string) => string }> = {
  GH006: {
    reason: 'protected branch hook declined',
    text: (ref) => `error: GH006: Protected branch update failed for ${ref}.\nerror: Cannot force-push to this branch\n`,
  },
  GH007: {
    reason: 'push declined due to email privacy restrictions',
    text: () =>
      'error: GH007: Your push would publish a private email address.\n' +
      'You can make your email public or disable this protection by visiting:\nhttps://github.com/settings/emails\n',
  },
  GH008: {
    reason: 'pre-receive hook declined',
    text: () =>
      `error: GH008: Your push referenced at least 1 unknown Git LFS object:\n    ${'0'.repeat(64)}\n` +
      "Try to push them with 'git lfs push --all'.\n",
  },
  GH013: {
    reason: 'push declined due to repository rule violations',
    text: (ref) => `error: GH013: Repository rule violations found for ${ref}.\nReview all repository rules at the repository's settings.\n`,
  },
}

/** Which refs of a push the rules refuse, with GitHub's words: in the report, and as text for people. */
export function refusalsOf(commands: readonly RefCommand[], rules: readonly RefRule[]): { refusals: Map<string, string>; text: string } {
  const refusals = new Map<string, string>()
  let text = ''
  for (const { ref } of commands) {
    const rule = rules.find((one) => (typeof one.ref === 'string' ? one.ref === ref : new RegExp(one.ref).test(ref)))
    if (!rule) continue
    const known = texts[rule.reason]
    refusals.set(ref, known?.reason ?? rule.reason)
    text += known?.text(ref) ?? ''
  }
  return { refusals, text }
}
