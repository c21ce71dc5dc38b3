import { SaddleError } from '@saddle/transport'
import { leadingOid, RefCollector, throwIfErr } from './advertisement.ts'
import { agent } from './git-http.ts'
import { delimPkt, flushPkt, pktLine, type PktReader } from './pkt-line.ts'
import { decodeRefName, encodeRefName } from './ref-name.ts'
import type { ObjectFormat, RefListing } from './refs.ts'

/**
 * The `ls-refs` command of protocol version 2 (gitprotocol-v2).
 *
 * `unborn` is not asked for: a server that does not know the argument refuses the request, and knowing costs another
 * request.
 */
export function lsRefsRequest(prefixes: readonly string[] | undefined, objectFormat: ObjectFormat): string {
  const lines = ['command=ls-refs', `agent=${agent}`, ...(objectFormat === 'sha1' ? [] : [`object-format=${objectFormat}`])]
  const args = ['peel', 'symrefs', ...(prefixes ? ['HEAD', ...prefixes].map((prefix) => `ref-prefix ${encodeRefName(prefix).toString('latin1')}`) : [])]
  return lines.map(pktLine).join('') + delimPkt + args.map(pktLine).join('') + flushPkt
}

/** Reads the answer to `ls-refs`: `oid SP name *(SP attribute)`, up to a flush packet. */
export async function readLsRefs(reader: PktReader, objectFormat: ObjectFormat, wanted: (ref: string) => boolean): Promise<RefListing> {
  const collector = new RefCollector(2, wanted)
  collector.objectFormat = objectFormat
  for (;;) {
    const line = await reader.read()
    if (line === 'flush') return collector.listing()
    throwIfErr(line)
    const oid = line instanceof Buffer ? leadingOid(line) : undefined
    if (!(line instanceof Buffer) || !oid) {
      throw new SaddleError('PROTOCOL_ERROR', "The server's list of refs is not as git's protocol has it, or was cut short. Try again.", { retryable: true })
    }
    const end = line.at(-1) === 0x0a ? line.length - 1 : line.length
    // Latin-1 keeps bytes apart, so that splitting at spaces cannot tear a character.
    const [name = '', ...attributes] = line.toString('latin1', oid.length + 1, end).split(' ')
    const ref = fromLatin1(name)
    const peeled = attributes.find((attribute) => attribute.startsWith('peeled:'))?.slice('peeled:'.length)
    const symref = attributes.find((attribute) => attribute.startsWith('symref-target:'))?.slice('symref-target:'.length)
    if (ref === 'HEAD' && symref !== undefined) collector.takeHead(fromLatin1(symref))
    collector.add(ref, peeled === undefined ? { oid } : { oid, peeled })
  }
}

const fromLatin1 = (text: string): string => decodeRefName(Buffer.from(text, 'latin1'))
