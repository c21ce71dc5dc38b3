import { SaddleError } from '@saddle/transport'
import { defaultNamespaces, type RefListing, type RefUpdate } from './refs.ts'

/** Options of {@link planUpdates}. */
export interface PlanOptions {
  source: RefListing
  target: RefListing
  /** Prefixes of the refs that are moved, each ending in `/`; by default {@link defaultNamespaces}. */
  namespaces?: readonly string[]
  /** Delete refs in these namespaces that the target has and the source has not. Off by default. */
  prune?: boolean
}

/**
 * What has to happen to the target's refs, for every ref of the namespaces, in the order of the source's listing with
 * deletions first (a deleted `a` makes room for `a/b`). Pure: it asks nobody. Whether an update loses commits is for
 * `findDiverged` to say.
 *
 * @throws SaddleError `OBJECT_FORMAT_MISMATCH` when the source has refs and the two sides name objects differently
 */
export function planUpdates({ source, target, namespaces = defaultNamespaces, prune = false }: PlanOptions): RefUpdate[] {
  if (source.refs.size > 0) assertSameFormat(source, target)
  const wanted = (ref: string) => namespaces.some((prefix) => ref.startsWith(prefix))
  const updates: RefUpdate[] = []
  if (prune) {
    for (const [ref, { oid }] of target.refs) {
      if (wanted(ref) && !source.refs.has(ref)) updates.push({ ref, kind: 'delete', oldOid: oid })
    }
  }
  for (const [ref, { oid: newOid }] of source.refs) {
    if (!wanted(ref)) continue
    const oldOid = target.refs.get(ref)?.oid
    if (oldOid === undefined) updates.push({ ref, kind: 'create', newOid })
    else updates.push({ ref, kind: oldOid === newOid ? 'unchanged' : 'update', oldOid, newOid })
  }
  return updates
}

/** @throws SaddleError `OBJECT_FORMAT_MISMATCH` */
export function assertSameFormat(source: RefListing, target: RefListing): void {
  if (source.objectFormat === target.objectFormat) return
  throw new SaddleError(
    'OBJECT_FORMAT_MISMATCH',
    `The source repository names its objects with ${source.objectFormat}, the target with ${target.objectFormat}; git cannot ` +
      `send one's history to the other. Create the target with --object-format=${source.objectFormat} if its host offers ` +
      'that, or convert the source first.',
  )
}
