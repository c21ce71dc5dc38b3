import { canFilter, fetchFiltered, readPack, type ObjectFormat } from '@saddle/git-relay'
import type { GitRemote } from '@saddle/transport'
import { parsePointer, pointerSizeLimit } from './pointer.ts'

/** Commits to look at, without their history. */
export interface TipSearch {
  source: GitRemote
  objectFormat: ObjectFormat
  tips: readonly string[]
  signal?: AbortSignal | undefined
}

/** The longest silence of the source, in milliseconds: there is little to count, and no migration fails for want of the answer. */
const patience = 60_000

/**
 * Whether the attributes at the root of some of the commits hand files to Git LFS; undefined when the source cannot send
 * its root folders alone.
 */
export async function attributesNameLfs(search: TipSearch): Promise<boolean | undefined> {
  const { source, signal } = search
  if (search.tips.length === 0) return false
  if (!(await canFilter(source, { signal }))) return undefined
  // Most repositories have none at their root, and to know that takes no file.
  const { trees } = await objectsAt(search, 'tree:1')
  const attributes = [...trees.values()].flatMap((root) => entriesOf(root, search.objectFormat).filter(({ name }) => name === '.gitattributes'))
  if (attributes.length === 0) return false
  const { blobs } = await objectsAt({ ...search, tips: [...new Set(attributes.map(({ oid }) => oid))] })
  return [...blobs.values()].some(handsToLfs)
}

const handsToLfs = (attributes: Buffer): boolean => /^(?!\s*#).*\sfilter=lfs(?:\s|$)/m.test(attributes.toString('latin1'))

/** Where in the commits the pointers to some objects are, by the objects' names; those that are not there have no path. */
export async function pathsOfPointers(search: TipSearch, wanted: ReadonlySet<string>): Promise<Map<string, string>> {
  const paths = new Map<string, string>()
  if (!(await canFilter(search.source, { signal: search.signal }))) return paths
  const { roots, trees, blobs } = await objectsAt(search, `blob:limit=${pointerSizeLimit}`)
  const seen = new Set<string>()
  const walk = (tree: string, folder: string) => {
    if (seen.has(tree)) return
    seen.add(tree)
    for (const { name, oid } of entriesOf(trees.get(tree), search.objectFormat)) {
      const object = parsePointer(blobs.get(oid) ?? Buffer.alloc(0))?.oid
      if (object !== undefined && wanted.has(object) && !paths.has(object)) paths.set(object, folder + name)
      if (trees.has(oid)) walk(oid, `${folder}${name}/`)
    }
  }
  for (const root of roots) walk(root, '')
  return paths
}

interface TipObjects {
  /** Root folders of the commits. */
  roots: string[]
  trees: Map<string, Buffer>
  blobs: Map<string, Buffer>
}

async function objectsAt({ source, objectFormat, tips, signal }: TipSearch, filter?: string): Promise<TipObjects> {
  const found: TipObjects = { roots: [], trees: new Map(), blobs: new Map() }
  const pack = fetchFiltered(source, { objectFormat, wants: tips, filter, depth: 1 }, { signal, patience })
  for await (const { type, oid, data } of readPack(pack, { objectFormat })) {
    // A commit begins with `tree SP oid LF`.
    if (type === 'commit') found.roots.push(data.toString('latin1', 5, data.indexOf('\n')))
    else if (type === 'tree') found.trees.set(oid, data)
    else if (type === 'blob') found.blobs.set(oid, data)
  }
  return found
}

/** `mode SP name NUL oid`, the oid in bytes (git's tree objects). */
function* treeEntries(tree: Buffer, objectFormat: ObjectFormat): Generator<{ name: string; oid: string }> {
  const length = objectFormat === 'sha1' ? 20 : 32
  for (let at = 0; at < tree.length; ) {
    const space = tree.indexOf(' ', at)
    const end = tree.indexOf(0, space)
    if (space < 0 || end < 0) return
    yield { name: tree.toString('utf8', space + 1, end), oid: tree.toString('hex', end + 1, end + 1 + length) }
    at = end + 1 + length
  }
}

const entriesOf = (tree: Buffer | undefined, objectFormat: ObjectFormat): { name: string; oid: string }[] =>
  tree ? [...treeEntries(tree, objectFormat)] : []
