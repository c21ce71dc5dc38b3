import { SaddleError } from '@saddle/transport'
import { throwIfErr } from './advertisement.ts'
import { pktText, type PktReader } from './pkt-line.ts'
import { decodeRefName } from './ref-name.ts'

/** What git-receive-pack says about a push (gitprotocol-pack, "Report Status"). */
export interface ReportStatus {
  /** `ok`, or why the pack was not taken. */
  unpack: string
  /** By full ref name. */
  refs: ReadonlyMap<string, RefReport>
}

/** The report on one ref. */
export interface RefReport {
  /** Why the target did not move it. */
  rejected?: string
  /** Where the target moved it, if not where it was told to (version 2 of the report). */
  newOid?: string
}

/** Reads a report, version 1 or 2, up to its flush packet. */
export async function readReportStatus(reader: PktReader): Promise<ReportStatus> {
  const refs = new Map<string, RefReport>()
  let unpack: string | undefined
  let last: RefReport | undefined
  for (;;) {
    const line = await reader.read()
    if (line === 'flush' && unpack !== undefined) return { unpack, refs }
    throwIfErr(line)
    if (!(line instanceof Buffer)) throw reportCutShort()
    const text = pktText(line)
    if (text.startsWith('unpack ')) unpack = text.slice('unpack '.length)
    else if (text.startsWith('ok ')) refs.set(refOf(line, 3, false), (last = {}))
    else if (text.startsWith('ng ')) {
      const ref = refOf(line, 3, true)
      last = { rejected: line.subarray(3 + line.subarray(3).indexOf(0x20) + 1).toString('utf8').trimEnd() }
      refs.set(ref, last)
    } else if (text.startsWith('option new-oid ') && last) last.newOid = text.slice('option new-oid '.length)
    // Other options say how a ref was moved (`option forced-update`); later ones may say what is not known yet.
  }
}

/** The ref name in a line, from bytes: up to the next space, or to the line's end. */
function refOf(line: Buffer, start: number, spaceEnds: boolean): string {
  const space = spaceEnds ? line.indexOf(0x20, start) : -1
  const end = space >= 0 ? space : line.at(-1) === 0x0a ? line.length - 1 : line.length
  return decodeRefName(line.subarray(start, end))
}

/** The error of a report that did not come whole. */
export const reportCutShort = (): SaddleError =>
  new SaddleError(
    'PROTOCOL_ERROR',
    "The target's report on the push was cut short, so it is not known which refs it moved. List its refs, or run again: " +
      'what arrived is not sent twice.',
    { retryable: true },
  )
