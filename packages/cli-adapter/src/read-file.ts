import { readFile } from 'node:fs/promises'
import { SaddleError } from '@saddle/core'

/** The text of a file that an option names; `INVALID_INPUT` for one that cannot be read. */
export async function textOf(file: string, option: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    const { code = 'unknown reason' } = cause as NodeJS.ErrnoException
    throw new SaddleError('INVALID_INPUT', `The file ${file} (${option}) cannot be read (${code}). Check the path.`, { cause, context: { option } })
  }
}
