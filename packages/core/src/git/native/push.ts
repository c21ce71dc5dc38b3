import { explainRejection, type RefUpdate } from '@saddle/git-relay'
import type { RefOutcome, TransferProgress } from '../backend.ts'
import type { GitRemote } from '@saddle/transport'
import { remoteFailure } from './failures.ts'
import { parseProgressLine } from './progress.ts'
import type { NativeRepository } from './repository.ts'
import { runGit } from './run-git.ts'

/** Bytes of the arguments of one command, in which the names of refs stand: Linux takes 2 MiB in all, others less. */
const argumentBytes = 256 * 1024

interface PushOptions {
  repository: NativeRepository
  target: GitRemote
  updates: readonly RefUpdate[]
  signal?: AbortSignal
  onProgress?: (progress: TransferProgress) => void
}

interface PushReport {
  bytes: number
  objects: number
  outcomes: RefOutcome[]
  messages: string[]
}

/**
 * Moves refs of the target, each only from its expected old value (`--force-with-lease` by ref). What the target refuses
 * is an outcome; what leaves the refs' fate unknown is thrown.
 */
export async function pushRefs(options: PushOptions): Promise<PushReport> {
  const report: PushReport = { bytes: 0, objects: 0, outcomes: [], messages: [] }
  const changes = options.updates.filter(({ kind }) => kind !== 'unchanged')
  // Deletions first, since a deleted `a` makes room for `a/b`; within one command git does not keep an order.
  for (const group of [changes.filter(({ kind }) => kind === 'delete'), changes.filter(({ kind }) => kind !== 'delete')]) {
    for (const part of inParts(group)) await pushGroup(options, part, report)
  }
  return report
}

function* inParts(updates: readonly RefUpdate[]): Generator<RefUpdate[]> {
  let part: RefUpdate[] = []
  let bytes = 0
  for (const update of updates) {
    // Each name stands in a lease and in a refspec, beside an object id.
    bytes += 2 * (Buffer.byteLength(update.ref) + 100)
    if (bytes > argumentBytes && part.length > 0) {
      yield part
      part = []
      bytes = 0
    }
    part.push(update)
  }
  if (part.length > 0) yield part
}

async function pushGroup({ repository, target, signal, onProgress }: PushOptions, all: readonly RefUpdate[], report: PushReport): Promise<void> {
  const updates = all.filter(({ ref }) => isUtf8Name(ref))
  for (const { ref } of all) {
    if (!isUtf8Name(ref)) report.outcomes.push({ ref, status: 'rejected', code: 'REF_REJECTED', reason: 'Its name is not UTF-8, which cannot be handed to the git program. The relay can move it.' })
  }
  if (updates.length === 0) return
  const leases = updates.map((update) => `--force-with-lease=${update.ref}:${update.kind === 'create' ? '' : update.oldOid}`)
  const refspecs = updates.map((update) => `${update.kind === 'delete' ? '' : update.newOid}:${update.ref}`)
  const { bytes: bytesBefore, objects: objectsBefore } = report
  const messages: string[] = []
  const outcome = await runGit({
    args: ['push', '--porcelain', '--progress', '--no-verify', '--no-signed', ...leases, '--', target.url, ...refspecs],
    gitDirectory: repository.directory,
    remote: target,
    caFile: repository.caFile,
    proxy: target.http.connection.proxy,
    signal,
    onLine: (line) => {
      const progress = parseProgressLine(line)
      if (progress) {
        report.bytes = bytesBefore + progress.bytes
        report.objects = objectsBefore + progress.objects
        onProgress?.({ phase: 'streaming', ...progress, bytes: report.bytes })
      } else if (line.startsWith('remote: ')) messages.push(line.slice('remote: '.length).trimEnd())
    },
  })
  const outcomes = parsePorcelain(outcome.stdout.toString('utf8'), messages)
  // Without a word on the refs the push itself failed; with one, each ref says how it went.
  if (outcomes.size === 0 || /pack exceeds maximum|early EOF|hung up unexpectedly/i.test(outcome.stderr)) {
    throw remoteFailure(target, 'push to', outcome)
  }
  for (const { ref } of updates) report.outcomes.push(outcomes.get(ref) ?? { ref, status: 'rejected', code: 'REF_REJECTED', reason: 'The target said nothing of it.' })
  report.messages.push(...messages)
}

/** Reads `git push --porcelain`: `<flag>\t<from>:<to>\t<summary> (<reason>)`, where the flag `!` is a refusal. */
export function parsePorcelain(output: string, messages: readonly string[]): Map<string, RefOutcome> {
  const outcomes = new Map<string, RefOutcome>()
  for (const line of output.split('\n')) {
    const [flag, names, summary = ''] = line.split('\t')
    const ref = names?.slice(names.indexOf(':') + 1)
    if (!flag || !ref) continue
    if (flag !== '!') outcomes.set(ref, { ref, status: 'ok' })
    else {
      const said = /\((.*)\)$/.exec(summary)?.[1] ?? summary
      outcomes.set(ref, { ref, status: 'rejected', ...explainRejection(ref, said, messages) })
    }
  }
  return outcomes
}

const isUtf8Name = (ref: string): boolean => !/[\ud800-\udfff]/u.test(ref)
