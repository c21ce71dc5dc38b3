import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'

/** One line of commits, each with a file of its own that does not compress. */
export interface Line {
  /** Full name of the ref that is made or moved. */
  ref: string
  commits: number
  /** Bytes of each file. */
  blobSize: number
  /** What the first commit builds on; nothing by default. */
  from?: string
  /** What the last commit merges. */
  merge?: string
}

/** Adds lines of commits to a bare repository, in their order. */
export function addHistory(path: string, lines: readonly Line[]): void {
  for (const { ref, commits, blobSize, from, merge } of lines) {
    const parts: Buffer[] = []
    for (let index = 1; index <= commits; index++) {
      const text = `${ref} ${index}`
      const parents = (index === 1 && from ? `from ${from}^0\n` : '') + (index === commits && merge ? `merge ${merge}^0\n` : '')
      const name = `${ref.replaceAll('/', '-')}/${index % 20}`
      parts.push(
        Buffer.from(`commit ${ref}\ncommitter Ada <ada@example.invalid> ${1_600_000_000 + index} +0000\ndata ${text.length}\n${text}\n${parents}M 100644 inline ${name}\ndata ${blobSize}\n`),
        randomBytes(blobSize),
        Buffer.from('\n\n'),
      )
    }
    execFileSync('git', ['-C', path, 'fast-import', '--quiet', '--force'], { input: Buffer.concat(parts), stdio: 'pipe' })
  }
}
