import type { RelayPhase } from './progress.ts'

/** Longer lines are cut: they carry no news, and a server could send one without end. */
const longestLine = 2000

/**
 * Text of a server without what would act on a terminal or a log: escape sequences go, and so do control characters
 * other than newline and tab, and characters that reverse text.
 */
export function sanitize(text: string): string {
  return text
    .replace(/\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)?/g, '')
    .replace(/[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g, '')
}

/** A line of progress as git writes it: `Counting objects:  42% (21/50)`. */
export interface ProgressLine {
  phase: RelayPhase
  objects: number
  totalObjects?: number
}

/** Reads a line of progress; undefined for any other text. */
export function parseProgressLine(line: string): ProgressLine | undefined {
  const match = /^(\w[\w ]*):\s+(?:\d+% \((\d+)\/(\d+)\)|(\d+))/.exec(line)
  const phase = match && phaseOf(match[1] ?? '')
  if (!phase) return undefined
  const [, , done, total, count] = match
  return done === undefined ? { phase, objects: Number(count) } : { phase, objects: Number(done), totalObjects: Number(total) }
}

function phaseOf(title: string): RelayPhase | undefined {
  if (/^(enumerating|counting)/i.test(title)) return 'counting'
  if (/^compressing/i.test(title)) return 'compressing'
  if (/^(resolving|unpacking|indexing|checking connectivity|updating references)/i.test(title)) return 'resolving'
  return undefined
}

/** Puts a server's text, which arrives in pieces, together to sanitised lines. */
export class RemoteText {
  readonly #decoder = new TextDecoder()
  readonly #onLine: (line: string) => void
  #rest = ''

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine
  }

  /** Takes the next piece. Lines end in a newline, or in a carriage return as progress does. */
  push(bytes: Uint8Array): void {
    const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split(/[\r\n]/)
    this.#rest = (lines.pop() ?? '').slice(0, longestLine)
    for (const line of lines) this.#report(line)
  }

  /** Reports a last line that no newline ended. */
  end(): void {
    this.#report(this.#rest)
    this.#rest = ''
  }

  #report(line: string): void {
    const text = sanitize(line.slice(0, longestLine)).trimEnd()
    if (text) this.#onLine(text)
  }
}
