import { SaddleError } from '@saddle/transport'
import type { RefUpdate } from '@saddle/git-relay'

/** Commits that the target lacks, each with its parents; parents that are not in the map are at the target already. */
export type CommitGraph = ReadonlyMap<string, readonly string[]>

/** What came of sending a part: its size, or that it is over the target's limit and nothing moved. */
export type StepOutcome = { sent: true; bytes: number } | NotSent

/** A part that is over the limit; with how many bytes of it were seen by then, where that is known. */
export interface NotSent {
  sent: false
  bytes?: number
}

/** Where to send in steps, and how. */
export interface StepsOptions {
  graph: CommitGraph
  updates: readonly RefUpdate[]
  /** Full name of the branch to begin with: the first branch that a new repository gets becomes its default. */
  defaultBranch?: string | undefined
  /** The largest pack that the target takes, in bytes. */
  packBytes: number
  /** About how large the whole is, where that is known. */
  expectedBytes?: number | undefined
  /** Refs that are there already: branches on the way get other names. */
  taken?: { has: (ref: string) => boolean }
  /** Moves one branch of the target, with everything that it needs and the target lacks. */
  send: (update: { ref: string; oldOid?: string; newOid: string }) => Promise<StepOutcome>
  /** Tries to move all refs to where they belong, at the end. */
  sendAll: () => Promise<StepOutcome>
  onStep?: ((step: { number: number; ref: string; oid: string; commitsLeft: number }) => void) | undefined
}

/** Branches below this are our own: parts of histories that merges bring in, on their way. They are deleted at the end. */
export const stepNamespace = 'refs/heads/saddle-step/'

/**
 * Brings a history to a target that takes less in one push than the whole (GitHub: 2 GiB; the way past it that its
 * documentation describes is to push ancestors first). A branch moves along a chain of its own ancestors; how far at a
 * time is found by trying, since nobody knows the size of a pack before it is made. A part that is too large moves
 * nothing and is halved. Because every step is a branch at an ancestor of where it belongs, an interrupted run is
 * continued by listing the target's refs again.
 *
 * @returns the branches in {@link stepNamespace} that were made
 * @throws PACK_TOO_LARGE when a single commit is over the limit
 */
export async function sendInSteps(options: StepsOptions): Promise<string[]> {
  const { graph, updates, defaultBranch, packBytes, expectedBytes, taken, onStep } = options
  const unsent = new Set(graph.keys())
  const depth = depths(graph)
  const extraBranches: string[] = []
  const tips = updates
    .flatMap((update) => (update.kind === 'create' || update.kind === 'update' ? [update] : []))
    .sort((a, b) => Number(b.ref === defaultBranch) - Number(a.ref === defaultBranch) || Number(isBranch(b.ref)) - Number(isBranch(a.ref)) || (depth.get(b.newOid) ?? 0) - (depth.get(a.newOid) ?? 0))
  let sentCommits = 0
  let sentBytes = 0
  let largest = 0
  let limit = packBytes
  let number = 0
  let branches = 0

  /** Takes note of what a try tells about the target's limit, which can be lower than is known. */
  const learn = (outcome: StepOutcome): StepOutcome => {
    if (outcome.sent) largest = Math.max(largest, outcome.bytes)
    else if (outcome.bytes) limit = Math.max(largest, Math.min(limit, outcome.bytes))
    return outcome
  }
  const send = async (update: Parameters<StepsOptions['send']>[0]) => learn(await options.send(update))
  const sendAll = async () => learn(await options.sendAll())
  /** Bytes a commit brings along, as far as can be told. */
  const average = () => (sentCommits > 0 ? sentBytes / sentCommits : expectedBytes === undefined ? undefined : expectedBytes / graph.size)

  const deliver = async (tip: string, ref: string, from?: string): Promise<void> => {
    const chain = longestChain(tip, graph, from === undefined ? unsent : descendants(from, graph, unsent, depth), depth)
    let current = from
    let stride = average() ? Math.floor((limit * 0.7) / average()!) : Math.ceil(chain.length / 2)
    for (let at = 0; at < chain.length; ) {
      stride = Math.max(1, Math.min(stride, chain.length - at))
      const newOid = chain[at + stride - 1]!
      const outcome = await send({ ref, newOid, ...(current === undefined ? {} : { oldOid: current }) })
      if (outcome.sent) {
        current = newOid
        at += stride
        sentBytes += outcome.bytes
        sentCommits += take(newOid, graph, unsent)
        onStep?.({ number: ++number, ref, oid: newOid, commitsLeft: unsent.size })
        if (outcome.bytes < limit / 2) stride *= 2
      } else if (stride > 1) stride = Math.ceil(stride / 2)
      else if (!(await deliverMerged(newOid))) throw commitTooLarge(newOid, packBytes)
    }
  }

  /** A merge that is too large as one step brings its other parents along first, each on a branch of its own. */
  const deliverMerged = async (merge: string): Promise<boolean> => {
    const others = (graph.get(merge) ?? []).filter((parent) => unsent.has(parent))
    for (const parent of others) {
      if (unsent.has(parent)) await deliverAside(parent)
    }
    return others.length > 0
  }

  /** Brings along what no branch of the target can be moved to, on a branch of its own. */
  const deliverAside = async (tip: string): Promise<void> => {
    do branches++
    while (taken?.has(stepNamespace + branches))
    const branch = stepNamespace + branches
    extraBranches.push(branch)
    await deliver(tip, branch)
  }

  for (const update of tips) {
    if (!unsent.has(update.newOid)) continue
    const rest = sentCommits === 0 ? Infinity : unsent.size * (sentBytes / sentCommits)
    if (rest < limit * 0.8 && (await sendAll()).sent) return extraBranches
    const movable = isBranch(update.ref) && (update.kind === 'create' || descends(update.newOid, update.oldOid, graph))
    if (movable) await deliver(update.newOid, update.ref, update.kind === 'update' ? update.oldOid : undefined)
    else await deliverAside(update.newOid)
  }
  if (!(await sendAll()).sent) throw commitTooLarge(undefined, packBytes)
  return extraBranches
}

const isBranch = (ref: string): boolean => ref.startsWith('refs/heads/')

/** For each commit the length of the longest way down to where the target's knowledge begins. */
function depths(graph: CommitGraph): Map<string, number> {
  const depth = new Map<string, number>()
  for (const start of graph.keys()) {
    const stack = [start]
    while (stack.length > 0) {
      const oid = stack[stack.length - 1]!
      if (depth.has(oid)) {
        stack.pop()
        continue
      }
      const parents = (graph.get(oid) ?? []).filter((parent) => graph.has(parent))
      const missing = parents.filter((parent) => !depth.has(parent))
      if (missing.length > 0) stack.push(...missing)
      else {
        depth.set(oid, 1 + parents.reduce((most, parent) => Math.max(most, depth.get(parent) ?? 0), 0))
        stack.pop()
      }
    }
  }
  return depth
}

/** Those of the commits from which a branch at `oid` can be moved on: it must not lose what it leads to. */
function descendants(oid: string, graph: CommitGraph, unsent: ReadonlySet<string>, depth: ReadonlyMap<string, number>): Set<string> {
  const found = new Set<string>()
  // Parents before children.
  for (const next of [...unsent].sort((a, b) => depth.get(a)! - depth.get(b)!)) {
    if (graph.get(next)?.some((parent) => parent === oid || found.has(parent))) found.add(next)
  }
  return found
}

/** From the oldest of these ancestors to the tip, the way with the most commits: it leaves the least to be merged in. */
function longestChain(tip: string, graph: CommitGraph, within: ReadonlySet<string>, depth: ReadonlyMap<string, number>): string[] {
  const chain: string[] = []
  for (let oid: string | undefined = within.has(tip) ? tip : undefined; oid !== undefined; ) {
    chain.push(oid)
    let deepest: string | undefined
    for (const parent of graph.get(oid) ?? []) {
      if (within.has(parent) && (deepest === undefined || depth.get(parent)! > depth.get(deepest)!)) deepest = parent
    }
    oid = deepest
  }
  return chain.reverse()
}

/** Takes a commit and its ancestors off the unsent; returns how many that were. */
function take(oid: string, graph: CommitGraph, unsent: Set<string>): number {
  const before = unsent.size
  const stack = [oid]
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    if (unsent.delete(next)) stack.push(...(graph.get(next) ?? []))
  }
  return before - unsent.size
}

/** Whether the way from a commit down to what the target has reaches its old value: then a branch can be moved along it. */
function descends(newOid: string, oldOid: string, graph: CommitGraph): boolean {
  const seen = new Set<string>()
  const stack = [newOid]
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    if (next === oldOid) return true
    if (seen.has(next)) continue
    seen.add(next)
    stack.push(...(graph.get(next) ?? []))
  }
  return false
}

function commitTooLarge(oid: string | undefined, packBytes: number): SaddleError {
  const what = oid === undefined ? 'What remains after all commits (tags and what they point to)' : `The commit ${oid} alone`
  return new SaddleError(
    'PACK_TOO_LARGE',
    `${what} is larger than the ${packBytes} bytes that the target takes in one push. It cannot be pushed as it is: ` +
      'raise the limit at the target if it is yours, or rewrite that part of the history at the source (for example with git-lfs migrate).',
    { context: { limitBytes: packBytes } },
  )
}
