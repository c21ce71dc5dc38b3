/** What a ref points to. */
export interface RefTip {
  /** Object id in lower-case hex: 40 digits for SHA-1, 64 for SHA-256. */
  oid: string
  /** For an annotated tag, the object that it names in the end. Only sources tell. */
  peeled?: string
}

/** What a repository advertises. */
export interface RefListing {
  /** The protocol version in which it was listed. Targets are always listed in version 0 or 1. */
  protocol: 0 | 1 | 2
  objectFormat: ObjectFormat
  /** Full name of the ref that HEAD points to, when the server says so. Missing for a detached or unborn HEAD. */
  head?: string
  /** Tips by full name (see `decodeRefName` for names that are not UTF-8). HEAD itself is not among them. */
  refs: ReadonlyMap<string, RefTip>
  /** Objects that a target has without a ref of its own to them (`.have` lines: what its forks and alternates share). */
  haves: readonly string[]
  /** Capabilities and their values (`''` for a bare one). Empty after a listing in version 2, where none were asked for. */
  capabilities: ReadonlyMap<string, string>
}

/** Everything that a target tells it has. */
export const tipsOf = ({ refs, haves }: RefListing): string[] => [...[...refs.values()].map(({ oid }) => oid), ...haves]

/** How a repository names its objects. */
export type ObjectFormat = 'sha1' | 'sha256'

/** What is to happen to one ref of the target. */
export type RefUpdate =
  | { ref: string; kind: 'create'; newOid: string }
  | { ref: string; kind: 'update'; oldOid: string; newOid: string }
  | { ref: string; kind: 'delete'; oldOid: string }
  | { ref: string; kind: 'unchanged'; oldOid: string; newOid: string }

/** Where branches, tags and notes live: what a migration moves unless told otherwise. */
export const defaultNamespaces: readonly string[] = ['refs/heads/', 'refs/tags/', 'refs/notes/']

/** The object id that stands for "no object" in a push command. */
export const zeroOid = (format: ObjectFormat): string => '0'.repeat(format === 'sha1' ? 40 : 64)
