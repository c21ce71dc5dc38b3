/**
 * git's smart HTTP between two servers: lists refs, tells what would move, and streams one pack from the one into the
 * other, in protocol versions 0 to 2. Nothing is cloned or stored.
 *
 * @module @saddle/git-relay
 */
export { findDiverged, isAncestor, type AncestryOptions, type DivergenceOptions } from './ancestry.ts'
export { fetchCommits, type CommitParents, type FetchCommitsOptions } from './fetch-commits.ts'
export { fetchFiltered, fetchPack, type FetchOptions, type FetchRequest } from './fetch-pack.ts'
export { canFilter, listSourceRefs, listTargetRefs, type ListSourceOptions } from './listing.ts'
export { readPack, type PackObject, type ReadPackOptions } from './pack-reader.ts'
export { assertSameFormat, planUpdates, type PlanOptions } from './plan.ts'
export type { OnProgress, RelayPhase, RelayProgress } from './progress.ts'
export { decodeRefName, encodeRefName, isRefName, showRefName } from './ref-name.ts'
export { defaultNamespaces, tipsOf, zeroOid, type ObjectFormat, type RefListing, type RefTip, type RefUpdate } from './refs.ts'
export { explainRejection, type Explanation } from './rejection.ts'
export { relayPack, type RelayOptions, type RelayOutcome, type RelayResult } from './relay.ts'
export { sanitize } from './remote-text.ts'
