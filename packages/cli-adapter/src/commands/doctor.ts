import { Redactor, SaddleError } from '@saddle/core'
import type { Finding } from '../doctor/check.ts'
import { checkMachine } from '../doctor/machine.ts'
import { checkBitbucket, checkGitHub } from '../doctor/servers.ts'
import { plainTextWarnings, secretsOf } from '../environment.ts'
import { escape, escapedJson } from '../escape.ts'
import { exitStatus, type ExitStatus } from '../exit-status.ts'
import type { Io } from '../io.ts'
import type { DoctorOptions } from '../options.ts'
import { fold } from '../render/fold.ts'
import { counted } from '../render/format.ts'
import { sign, styleOf } from '../render/style.ts'

/** `saddle doctor`; fails when something that a migration needs is not right. */
export async function doctor({ json, owner }: DoctorOptions, io: Io): Promise<ExitStatus> {
  const style = styleOf(io.stdout, io.env)
  const redactor = new Redactor(secretsOf(io.env))
  const found = { good: 0, warning: 0, bad: 0 }
  const show = (finding: Finding) => {
    const { check, outcome, text, remedy } = redactor.redactValue(finding)
    found[outcome]++
    if (json) return void io.stdout.write(`${escapedJson({ type: 'check', check, outcome, text, remedy })}\n`)
    io.stdout.write(fold(`${sign(outcome, style)} ${style.colour.bold(check)}: ${escape(text)}\n`, style))
    if (remedy !== undefined) io.stdout.write(fold(`    ${escape(remedy)}\n`, style))
  }

  for (const [check, findings] of [
    ['This machine', checkMachine(io)],
    ['Bitbucket', checkBitbucket(io)],
    ['GitHub', checkGitHub(io, owner)],
  ] as const) {
    try {
      for await (const finding of findings) show(finding)
    } catch (thrown) {
      const error = SaddleError.from(thrown)
      if (error.code === 'ABORTED') throw error
      show({ check, outcome: 'bad', text: error.message })
    }
  }
  for (const text of plainTextWarnings(io.env)) show({ check: 'Secrecy', outcome: 'warning', text })

  if (json) io.stdout.write(`${escapedJson({ type: 'report', ok: found.bad === 0, ...found })}\n`)
  else io.stdout.write(found.bad > 0 ? `${counted(found.bad, 'thing')} to put right.\n` : 'Ready.\n')
  return found.bad > 0 ? exitStatus.failed : exitStatus.done
}
