import { finish } from './finish.ts'
import { preflight } from './preflight.ts'
import { prepareTarget } from './prepare-target.ts'
import { settings } from './settings.ts'
import type { Step } from './step.ts'
import { transferGit } from './transfer-git.ts'
import { transferLfs } from './transfer-lfs.ts'
import { verify } from './verify.ts'

/** A migration, from top to bottom. */
export const steps: readonly Step[] = [
  // Looks at both sides, and stops before anything is written when something is in the way.
  preflight,
  // Creates the repository, under a marker that says whose it is.
  prepareTarget,
  // Moves Git LFS objects, which a target wants to have before their pointers.
  transferLfs,
  // Moves what the target lacks, in one pack, and its refs.
  transferGit,
  // Default branch and topics.
  settings,
  // Reads the refs back and compares.
  verify,
  // The description in place of the marker, and the archived flag.
  finish,
]
