import type { BitbucketClient, Repository } from '@saddle/bitbucket-client'
import type { GitHubClient, TargetRepository } from '@saddle/github-client'
import {
  findDiverged, listSourceRefs, listTargetRefs, planUpdates, type RefListing, type RefUpdate,
} from '@saddle/git-relay'
import { SaddleError, type GitRemote } from '@saddle/transport'
import { findPointers } from '../git/lfs/find.ts'
import { usesLfs } from '../git/lfs/in-use.ts'
import type { LfsObject } from '../git/lfs/pointer.ts'
import { attributesNameLfs, type TipSearch } from '../git/lfs/tips.ts'
import { stepNamespace } from '../git/steps.ts'
import type { NormalizedRequest } from '../request.ts'

/** What an {@link Inspection} needs. */
export interface InspectionOptions {
  bitbucket: BitbucketClient
  github: GitHubClient
  request: NormalizedRequest
  /**
   * Whether to look beyond what has to be moved: every ref of the source, its size, Git LFS. Costs requests, so a later
   * run of a migration that is known does not.
   */
  thorough: boolean
  signal?: AbortSignal | undefined
}

/**
 * What is on both sides, read when it is first asked for and only once: the steps of a run, and those of a plan, share one
 * view, and a migration with nothing to do costs three REST requests and two listings.
 */
export class Inspection {
  readonly #options: InspectionOptions
  readonly #known = new Map<string, Promise<unknown>>()
  #target: TargetRepository | undefined
  #ahead: { url: string; listing: Promise<RefListing | undefined> } | undefined

  constructor(options: InspectionOptions) {
    this.#options = options
  }

  get thorough(): boolean {
    return this.#options.thorough
  }

  /**
   * Begins to read at once what the steps are going to ask for one after the other: at first what REST tells and the source's
   * refs, and `more` when it is known that the migration may go on. A failure shows when a step asks.
   */
  readAhead(what: 'first' | 'more'): void {
    const reads = {
      first: [
        () => this.source(), () => this.target(), () => this.labels(), ...(this.thorough ? [() => this.pullRequests()] : []),
        () => this.#listAhead(),
      ],
      // The target's refs are not among them: they are to be as they are just before the push.
      more: [() => this.sourceRefs(), ...(this.thorough ? [() => this.#lfsContent()] : [])],
    }
    for (const read of reads[what]) read().catch(() => undefined)
  }

  /** The repository at the source. */
  source(): Promise<Repository> {
    const { bitbucket, request: { source }, signal } = this.#options
    return this.#once('source', () => bitbucket.repository(source.project, source.repository, { signal }))
  }

  labels(): Promise<string[]> {
    const { bitbucket, request: { source }, signal } = this.#options
    return this.#once('labels', () => bitbucket.labels(source.project, source.repository, { signal }))
  }

  /** Bytes at the source; undefined when they cannot be known, or the inspection is not thorough. */
  size(): Promise<number | undefined> {
    const { bitbucket, request: { source }, signal } = this.#options
    return this.#once('size', async () => {
      const { size } = await this.source()
      if (size !== undefined || !this.thorough) return size
      // Good to know, and worth no failure.
      const sizes = await bitbucket.size(source.project, source.repository, { signal }).catch(() => undefined)
      return sizes?.repository
    })
  }

  /** Whether Git LFS is switched on; undefined when the credentials may not know. */
  lfs(): Promise<boolean | undefined> {
    const { bitbucket, signal } = this.#options
    return this.#once('lfs', async () => usesLfs(await this.source(), bitbucket, signal))
  }

  /** What Git LFS holds, or ought to. */
  async #lfsContent(): Promise<unknown> {
    return (await this.lfs()) === true ? this.lfsObjects(true) : this.lfsAttributes()
  }

  /** Whether branches hand files to Git LFS; undefined when that cannot be known. */
  lfsAttributes(): Promise<boolean | undefined> {
    const { signal } = this.#options
    return this.#once('lfsAttributes', async () =>
      // Good to know, and worth no failure.
      attributesNameLfs({ ...(await this.lfsTips()), signal }).catch(() => undefined),
    )
  }

  /** The branches that are moved, for a look at their files: not more of them than a request is good for. */
  async lfsTips(): Promise<TipSearch> {
    const { request: { options: { namespaces } }, signal } = this.#options
    const { refs, objectFormat } = await this.sourceRefs()
    const branches = [...refs].filter(([ref]) => ref.startsWith('refs/heads/') && namespaces.some((prefix) => ref.startsWith(prefix)))
    const tips = [...new Set(branches.map(([, { oid }]) => oid))].slice(0, mostTips)
    return { source: await this.sourceRemote(), objectFormat, tips, signal }
  }

  /**
   * The Git LFS objects that the refs need; undefined when the source does not tell without a clone.
   *
   * @param everything - of the whole history, and not only of what the target lacks
   */
  lfsObjects(everything: boolean): Promise<LfsObject[] | undefined> {
    const { request: { options: { namespaces } }, signal } = this.#options
    return this.#once('lfsObjects', async () => {
      const { refs, objectFormat } = await this.sourceRefs()
      const held = everything ? [] : [...(await this.targetRefs()).refs.values()].map(({ oid }) => oid)
      const haves = new Set(held)
      const tips = [...refs].filter(([ref]) => namespaces.some((prefix) => ref.startsWith(prefix))).map(([, { oid }]) => oid)
      const wants = [...new Set(tips)].filter((oid) => !haves.has(oid))
      return findPointers({ source: await this.sourceRemote(), objectFormat, wants, haves: [...haves], signal })
    })
  }

  /** How many pull requests there ever were. */
  pullRequests(): Promise<number> {
    const { bitbucket, request: { source }, signal } = this.#options
    return this.#once('pullRequests', () => bitbucket.pullRequestCount(source.project, source.repository, { signal }))
  }

  async sourceRemote(): Promise<GitRemote> {
    return this.#options.bitbucket.gitRemote(await this.source())
  }

  /** The refs of the source: all of them in a thorough inspection, else those of the namespaces. */
  sourceRefs(): Promise<RefListing> {
    return this.#once('sourceRefs', async () => {
      const remote = await this.sourceRemote()
      const ahead = this.#ahead?.url === remote.url ? await this.#ahead.listing : undefined
      this.#ahead = undefined
      return ahead ?? this.#list(remote)
    })
  }

  #list(remote: GitRemote): Promise<RefListing> {
    const { request, signal } = this.#options
    return listSourceRefs(remote, { ...(this.thorough ? {} : { prefixes: request.options.namespaces }), signal })
  }

  /** Lists while REST is still asked, where git nearly always reaches a repository; elsewhere it is done again. */
  async #listAhead(): Promise<void> {
    const { bitbucket, request: { source } } = this.#options
    const remote = bitbucket.gitRemote({ projectKey: source.project, slug: source.repository, cloneUrl: undefined })
    this.#ahead = { url: remote.url, listing: this.#list(remote).catch(() => undefined) }
  }

  /** Full name of the source's default branch; undefined when it has none among its refs. */
  defaultBranch(): Promise<{ ref: string; exists: boolean } | undefined> {
    const { bitbucket, request: { source }, signal } = this.#options
    return this.#once('defaultBranch', async () => {
      const { head, refs } = await this.sourceRefs()
      // The listing says it for nothing, except when HEAD leads nowhere.
      if (head !== undefined) return { ref: head, exists: refs.has(head) }
      if (![...refs.keys()].some((ref) => ref.startsWith('refs/heads/'))) return undefined
      const ref = await bitbucket.defaultBranch(source.project, source.repository, { signal })
      return ref === undefined ? undefined : { ref, exists: refs.has(ref) }
    })
  }

  /** The repository at the target; undefined when there is none under that name. */
  target(): Promise<TargetRepository | undefined> {
    const { github, request: { target }, signal } = this.#options
    return this.#once('target', async () => (this.#target = await github.repository(target.owner, target.name, { signal })))
  }

  /** The target as far as it was read or written already; asks nobody. */
  knownTarget(): TargetRepository | undefined {
    return this.#target
  }

  /** Takes note of the target as a write returned it. */
  setTarget(target: TargetRepository | undefined): void {
    this.#target = target
    this.#known.set('target', Promise.resolve(target))
  }

  targetRemote(): GitRemote {
    const { github, request: { target } } = this.#options
    return github.gitRemote(target.owner, target.name)
  }

  /** The refs of the target; none when it does not exist yet. */
  targetRefs(): Promise<RefListing> {
    return this.#once('targetRefs', async () => {
      const { request: { options: { namespaces } }, signal } = this.#options
      const target = await this.target()
      // An archived repository does not talk to those who would push; to read it is enough to know whether to.
      if (target?.archived) return listSourceRefs(this.targetRemote(), { prefixes: namespaces, signal })
      if (target) return listTargetRefs(this.targetRemote(), { signal })
      const { objectFormat } = await this.sourceRefs()
      return { protocol: 0, objectFormat, refs: new Map(), haves: [], capabilities: new Map() }
    })
  }

  /** What has to happen to the target's refs. */
  updates(): Promise<RefUpdate[]> {
    const { namespaces, prune } = this.#options.request.options
    return this.#once('updates', async () => {
      const [source, target] = [await this.sourceRefs(), await this.targetRefs()]
      // Branches that a transfer in several pushes made on its way are cleared away after the next transfer.
      const updates = planUpdates({ source, target, namespaces, prune }).filter(({ kind, ref }) => kind !== 'delete' || !isStep(ref))
      // A target without refs takes the first branch it gets for its default. Deletions stay in front.
      const rank = ({ kind, ref }: RefUpdate) => (kind === 'delete' ? 0 : ref === source.head ? 1 : 2)
      return updates.sort((a, b) => rank(a) - rank(b))
    })
  }

  /** Deletes the branches that a transfer in several pushes made on its way, and was interrupted before it could. */
  async stepsLeft(): Promise<RefUpdate[]> {
    const { refs } = await this.targetRefs()
    const { refs: wanted } = await this.sourceRefs()
    return [...refs].flatMap(([ref, { oid }]) => (isStep(ref) && !wanted.has(ref) ? [{ ref, kind: 'delete', oldOid: oid }] : []))
  }

  /** The refs whose update would lose something that the target has. */
  diverged(): Promise<string[]> {
    return this.#once('diverged', async () => {
      const [source, sourceRefs, updates] = [await this.sourceRemote(), await this.sourceRefs(), await this.updates()]
      return findDiverged({ source, sourceRefs, updates, signal: this.#options.signal })
    })
  }

  /** Lists the refs anew when they are next asked for: the target's after a push, both sides' before another try. */
  forgetRefs(side: 'target' | 'both'): void {
    for (const key of ['targetRefs', 'updates', 'diverged']) this.#known.delete(key)
    if (side !== 'both') return
    this.#ahead = undefined
    for (const key of ['sourceRefs', 'defaultBranch', 'lfsObjects', 'lfsAttributes']) this.#known.delete(key)
  }

  #once<T>(key: string, read: () => Promise<T>): Promise<T> {
    const known = this.#known.get(key) as Promise<T> | undefined
    if (known) return known
    const { signal } = this.#options
    if (signal?.aborted) return Promise.reject(SaddleError.from(signal.reason, 'ABORTED'))
    const reading = read()
    this.#known.set(key, reading)
    // A failure is not remembered: another try asks again.
    reading.catch(() => this.#known.get(key) === reading && this.#known.delete(key))
    return reading
  }
}

/** Branches whose root folders are looked at; a server takes more, and an answer about fewer is as good. */
const mostTips = 200

const isStep = (ref: string): boolean => ref.startsWith(stepNamespace)
