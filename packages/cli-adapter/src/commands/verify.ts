import { showRefName } from '@saddle/core'
import { openEngine } from '../engine.ts'
import { escape, escapedJson } from '../escape.ts'
import { exitStatus, type ExitStatus } from '../exit-status.ts'
import type { Io } from '../io.ts'
import type { MigrateOptions } from '../options.ts'
import { counted } from '../render/format.ts'
import { sign, styleOf } from '../render/style.ts'
import { requestOf } from '../request.ts'

/** `saddle verify`; fails when the refs are not equal. */
export async function verify(source: string, options: MigrateOptions, io: Io): Promise<ExitStatus> {
  const request = requestOf(source, options)
  const { engine, close } = await openEngine(io)
  try {
    const result = await engine.verify(request, io.signal ? { signal: io.signal } : {})
    if (options.json) io.stdout.write(`${escapedJson({ type: 'verification', ...result })}\n`)
    else {
      const style = styleOf(io.stdout, io.env)
      const { colour } = style
      for (const [label, refs] of [['missing', result.missing], ['different', result.different], ['only at the target', result.extra]] as const) {
        for (const ref of refs) io.stdout.write(`${colour.red(label)} ${showRefName(ref)}\n`)
      }
      for (const { name, source: ours, target } of result.settings) io.stdout.write(`${colour.yellow('setting')} ${name}: ${escape(ours)} at the source, ${escape(target)} at the target\n`)
      io.stdout.write(
        result.equal
          ? `${sign('good', style)} ${counted(result.source, 'ref')} equal, hash for hash\n`
          : `${sign('bad', style)} not equal: ${result.missing.length} missing, ${result.different.length} different, ${result.extra.length} only at the target\n`,
      )
    }
    return result.equal ? exitStatus.done : exitStatus.failed
  } finally {
    await close()
  }
}
