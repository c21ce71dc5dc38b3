import { showRefName, type VerificationResult } from '@saddle/core'
import { withEngine } from '../engine.ts'
import { escape, escapedJson } from '../escape.ts'
import { exitStatus, type ExitStatus } from '../exit-status.ts'
import type { Io } from '../io.ts'
import type { MigrateOptions } from '../options.ts'
import { count, counted } from '../render/format.ts'
import { sign, styleOf, type Style } from '../render/style.ts'
import { requestOf } from '../request.ts'

/** `saddle verify`; fails when the refs are not equal. */
export function verify(source: string, options: MigrateOptions, io: Io): Promise<ExitStatus> {
  const request = requestOf(source, options)
  return withEngine(io, async (engine) => {
    const result = await engine.verify(request, { signal: io.signal })
    io.stdout.write(options.json ? `${escapedJson({ type: 'report', ...result })}\n` : verificationText(result, styleOf(io.stdout, io.env)))
    return result.equal ? exitStatus.done : exitStatus.failed
  })
}

function verificationText({ equal, source, missing, different, extra, settings }: VerificationResult, style: Style): string {
  const { colour } = style
  const lines: string[] = []
  for (const [label, refs] of [['missing', missing], ['different', different], ['only at the target', extra]] as const) {
    for (const ref of refs) lines.push(`${colour.red(`${label}:`)} ${showRefName(ref)}`)
  }
  for (const setting of settings) {
    lines.push(`${colour.yellow('setting:')} ${escape(setting.name)} is ${escape(setting.source)} at the source, ${escape(setting.target)} at the target`)
  }
  lines.push(
    equal
      ? `${sign('good', style)} ${counted(source, 'ref')} equal, hash for hash.`
      : `${sign('bad', style)} Not equal: ${count(missing.length)} missing, ${count(different.length)} different, ${count(extra.length)} only at the target.`,
  )
  return lines.map((line) => `${line}\n`).join('')
}
