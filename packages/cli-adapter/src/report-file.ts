import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { extname } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { bulkReport, reportFormats, SaddleError, type MigrationStore, type ReportFormat } from '@saddle/core'

/**
 * The form that a file's name asks for.
 *
 * @throws SaddleError `INVALID_INPUT` for another ending than .json, .csv and .html
 */
export function reportFormat(file: string): ReportFormat {
  const ending = extname(file).slice(1).toLowerCase()
  const format = reportFormats.find((known) => known === ending || (known === 'html' && ending === 'htm'))
  if (format) return format
  throw new SaddleError('INVALID_INPUT', `A report is written as JSON, CSV or HTML; "${file}" ends in none of .json, .csv and .html.`, {
    context: { option: '--report' },
  })
}

/**
 * Writes a report to a file, which is there when it is whole.
 *
 * @throws SaddleError `STORE_FULL` or `STORE_FAILED` when the file cannot be written
 */
export async function writeReport(store: MigrationStore, bulkId: string, file: string): Promise<void> {
  const format = reportFormat(file)
  const part = `${file}.part-${process.pid}`
  try {
    await pipeline(Readable.from(bulkReport(store, bulkId, format)), createWriteStream(part))
    await rename(part, file)
  } catch (cause) {
    await rm(part, { force: true })
    if (SaddleError.is(cause)) throw cause
    const { code = 'unknown reason' } = cause as NodeJS.ErrnoException
    throw new SaddleError(code === 'ENOSPC' || code === 'EDQUOT' ? 'STORE_FULL' : 'STORE_FAILED', `The report ${file} cannot be written (${code}).`, { cause })
  }
}
