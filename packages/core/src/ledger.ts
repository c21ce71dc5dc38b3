/**
 * What a migration can leave behind. Closed, so that a report can be read by a program: a new sort of loss is a new kind,
 * never a new text to compare.
 */
export const lossKinds = [
  /** A Git LFS object that does not arrive, or all of them where they cannot be found; the pointers arrive. */
  'lfs-objects',
  /** A file that the target's size limit refuses. */
  'large-file',
  /** Refs outside the namespaces that were asked for, such as `refs/pull-requests/`. */
  'ref-namespace',
  /** Pull requests with their discussions. */
  'pull-requests',
  /** A setting of the repository that the target has no equivalent of. */
  'setting',
  /** A label that cannot be expressed as a topic as it is. */
  'topic',
  /** A description that had to be shortened or cleaned. */
  'description',
  /** A default branch that does not exist and so cannot be set. */
  'default-branch',
  /** Who may see the repository differs from the source. */
  'visibility',
  /** The link from a fork to its origin. */
  'fork',
] as const

/** One of {@link lossKinds}. */
export type LossKind = (typeof lossKinds)[number]

/** One thing that was seen on the source and does not arrive as it was. */
export interface Loss {
  kind: LossKind
  /** What is concerned: a label, a ref namespace, the name of a setting. */
  subject: string
  /** Why, and what can be done about it. */
  reason: string
  /** How many are concerned, where that was counted. */
  count?: number
}

/** Whether two entries say the same, so that a repeated step does not report it twice. */
export const sameLoss = (a: Loss, b: Loss): boolean => a.kind === b.kind && a.subject === b.subject
