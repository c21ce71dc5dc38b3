import { showRefName, type MigrationPlan } from '@saddle/core'
import { openEngine } from '../engine.ts'
import { escape, escapedJson } from '../escape.ts'
import { exitStatus, type ExitStatus } from '../exit-status.ts'
import type { Io } from '../io.ts'
import type { MigrateOptions } from '../options.ts'
import { bytes, counted } from '../render/format.ts'
import { lossLines } from '../render/report.ts'
import { sign, styleOf, type Style } from '../render/style.ts'
import { requestOf } from '../request.ts'

/** `saddle plan`; fails when something is in the way. */
export async function plan(source: string, options: MigrateOptions, io: Io): Promise<ExitStatus> {
  const request = requestOf(source, options)
  const { engine, close } = await openEngine(io)
  try {
    const result = await engine.plan(request, io.signal ? { signal: io.signal } : {})
    const text = options.json ? `${escapedJson({ type: 'plan', plan: result })}\n` : describe(result, styleOf(io.stdout, io.env))
    io.stdout.write(text)
    return result.problems.some(({ severity }) => severity === 'error') ? exitStatus.failed : exitStatus.done
  } finally {
    await close()
  }
}

function describe(plan: MigrationPlan, style: Style): string {
  const { source, target, refs, steps, problems } = plan
  const { colour } = style
  const facts = [
    source.size === undefined ? undefined : bytes(source.size),
    source.defaultBranch && `default branch ${escape(source.defaultBranch)}`,
    source.archived && 'archived',
    source.lfs && 'Git LFS',
    source.forkOf && `fork of ${escape(source.forkOf)}`,
  ].filter(Boolean)
  const lines = [
    `${colour.bold(escape(source.name))} → ${colour.bold(escape(target.name))} (${target.exists ? (target.created ? 'made by an earlier migration' : 'exists') : 'to be created'})`,
    ...(facts.length > 0 ? [facts.join(', ')] : []),
    `Refs: ${refs.create.length} to create, ${refs.update.length} to update, ${refs.delete.length} to delete, ${refs.unchanged.length} unchanged, ${refs.diverged.length} diverged`,
    ...refs.diverged.map((ref) => `  ${colour.red('diverged')} ${showRefName(ref)}`),
    ...steps.flatMap(({ actions }) => actions.map((action) => `  • ${escape(action)}`)),
    ...problems.map(({ severity, message, code }) => `${sign(severity === 'error' ? 'bad' : 'warning', style)} ${escape(message)} ${colour.dim(`(${code})`)}`),
    problems.some(({ severity }) => severity === 'error') ? '' : `${sign('good', style)} Nothing is in the way; ${counted(plan.losses.length, 'thing')} would not arrive.`,
  ]
  return `${lines.filter((line) => line !== '').join('\n')}\n${lossLines(plan, style)}`
}
