import { showRefName, type MigrationPlan } from '@saddle/core'
import { withEngine } from '../engine.ts'
import { escape, escapedJson } from '../escape.ts'
import { exitStatus, type ExitStatus } from '../exit-status.ts'
import type { Io } from '../io.ts'
import type { MigrateOptions } from '../options.ts'
import { bytes, count, counted } from '../render/format.ts'
import { fold } from '../render/fold.ts'
import { lossText } from '../render/report.ts'
import { sign, styleOf, type Style } from '../render/style.ts'
import { requestOf } from '../request.ts'

/** `saddle plan`; fails when something is in the way. */
export function plan(source: string, options: MigrateOptions, io: Io): Promise<ExitStatus> {
  const request = requestOf(source, options)
  return withEngine(io, async (engine) => {
    const result = await engine.plan(request, { signal: io.signal })
    const style = styleOf(io.stdout, io.env)
    io.stdout.write(options.json ? `${escapedJson({ type: 'report', ...result })}\n` : fold(planText(result, style), style))
    return isBlocked(result) ? exitStatus.failed : exitStatus.done
  })
}

const isBlocked = ({ problems }: MigrationPlan): boolean => problems.some(({ severity }) => severity === 'error')

function planText(plan: MigrationPlan, style: Style): string {
  const { source, target, refs, steps, problems, losses } = plan
  const { colour } = style
  const state = target.exists ? (target.created ? 'made by an earlier migration' : 'exists') : 'to be created'
  const facts = [
    source.size !== undefined && `${bytes(source.size)} on its disk`,
    source.defaultBranch && `default branch ${escape(source.defaultBranch)}`,
    source.archived && 'archived',
    source.lfs && 'Git LFS is on',
    source.forkOf && `fork of ${escape(source.forkOf)}`,
  ].filter(Boolean)
  const kinds = [
    [refs.create, 'to create'], [refs.update, 'to update'], [refs.delete, 'to delete'], [refs.unchanged, 'unchanged'], [refs.diverged, 'diverged'],
  ] as const
  const lines = [
    `${colour.bold(escape(source.name))} → ${colour.bold(escape(target.name))} (${state})`,
    ...(facts.length > 0 ? [`Source: ${facts.join(', ')}`] : []),
    `Refs: ${kinds.flatMap(([names, text]) => (names.length > 0 ? [`${count(names.length)} ${text}`] : [])).join(', ') || 'none'}`,
    ...refs.diverged.map((ref) => `  ${colour.red('diverged')} ${showRefName(ref)}`),
    ...steps.flatMap(({ actions }) => actions.map((action) => `  • ${escape(action)}`)),
    ...losses.map((loss) => lossText(loss, style)),
    ...problems.map(({ severity, message, code }) => `${sign(severity === 'error' ? 'bad' : 'warning', style)} ${escape(message)} ${colour.dim(`(${code})`)}`),
    isBlocked(plan)
      ? `${sign('bad', style)} The migration would fail.`
      : `${sign('good', style)} Nothing is in the way. ${losses.length === 0 ? 'Nothing would be lost' : `${counted(losses.length, 'thing')} would not arrive`}; nothing was written.`,
  ]
  return lines.map((line) => `${line}\n`).join('')
}
