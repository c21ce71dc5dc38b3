import type { BulkRecord } from '@saddle/core'
import { escapedJson } from '../escape.ts'
import type { Output } from '../io.ts'
import type { ProgressView } from './progress.ts'

/** One event a line, as it was emitted. */
export function jsonView(output: Output): ProgressView {
  return {
    show: (event) => void output.write(`${escapedJson(event)}\n`),
    total: (bulk) => void output.write(`${escapedJson({ type: 'bulk-status', ...withoutReference(bulk) })}\n`),
    note: () => undefined,
    stop: () => undefined,
  }
}

/** Where credentials are found concerns no reader. */
export const withoutReference = ({ credentialRef: _credentialRef, ...bulk }: BulkRecord) => bulk
