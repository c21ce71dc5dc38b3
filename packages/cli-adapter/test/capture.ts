import { Writable } from 'node:stream'

/** A stream that keeps what is written to it, and says `said` each time; for tests. */
export class Capture extends Writable {
  text = ''
  readonly isTTY: boolean
  columns: number
  rows: number

  constructor({ isTTY = false, columns = 100, rows = 24 } = {}) {
    super({ decodeStrings: false })
    this.isTTY = isTTY
    this.columns = columns
    this.rows = rows
  }

  override _write(chunk: string | Buffer, _encoding: string, done: () => void): void {
    this.text += String(chunk)
    this.emit('said')
    done()
  }

  /** The lines written, without the empty one after the last line break. */
  get lines(): string[] {
    return this.text.replace(/\n$/, '').split('\n')
  }

  /** The lines read as JSON. */
  get json(): Record<string, any>[] {
    return this.text === '' ? [] : this.lines.map((line) => JSON.parse(line) as Record<string, any>)
  }
}
