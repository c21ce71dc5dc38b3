import { SaddleError } from '@saddle/transport'
import { pktText, type PktReader } from './pkt-line.ts'
import { decodeRefName, isRefName, showRefName } from './ref-name.ts'
import { sanitize } from './remote-text.ts'
import type { ObjectFormat, RefListing, RefTip } from './refs.ts'

/** What a server says to `GET info/refs`: its refs, or in version 2 only what it can do. */
export type Advertisement = RefListing | { protocol: 2; capabilities: ReadonlyMap<string, string> }

/**
 * Reads an advertisement (gitprotocol-http, gitprotocol-pack "Reference Discovery", gitprotocol-v2).
 *
 * @param wanted - which refs to keep
 * @throws SaddleError `PROTOCOL_ERROR` for anything else, `UPSTREAM_ERROR` for an `ERR` line
 */
export async function readAdvertisement(reader: PktReader, wanted: (ref: string) => boolean): Promise<Advertisement> {
  let line = await reader.read()
  if (line instanceof Buffer && pktText(line).startsWith('# service=')) {
    await reader.read()
    line = await reader.read()
  }
  throwIfErr(line)
  if (!(line instanceof Buffer)) {
    if (line === 'flush') return new RefCollector(0, wanted).listing()
    throw notAnAdvertisement()
  }
  if (pktText(line) === 'version 2') return { protocol: 2, capabilities: await readCapabilities(reader) }
  const protocol = pktText(line) === 'version 1' ? 1 : 0
  const collector = new RefCollector(protocol, wanted)
  if (protocol === 1) line = await reader.read()
  for (let first = true; line !== 'flush'; first = false, line = await reader.read()) {
    throwIfErr(line)
    if (!(line instanceof Buffer)) throw notAnAdvertisement()
    const nul = first ? line.indexOf(0) : -1
    if (nul >= 0) collector.takeCapabilities(pktText(line.subarray(nul + 1)))
    collector.takeRef(nul >= 0 ? line.subarray(0, nul) : line)
  }
  return collector.listing()
}

/** Throws the text of an `ERR` line, with which a server gives up outside of any sideband. */
export function throwIfErr(line: unknown): void {
  if (!(line instanceof Buffer) || line.toString('latin1', 0, 4) !== 'ERR ') return
  throw new SaddleError('UPSTREAM_ERROR', `The git server refuses: ${sanitize(pktText(line).slice(4)).slice(0, 500)}`)
}

/** One object id at the beginning of a line; undefined when it is none. */
export function leadingOid(line: Buffer): string | undefined {
  return /^(?:[0-9a-f]{64}|[0-9a-f]{40})(?= )/.exec(line.toString('latin1', 0, 65))?.[0]
}

/** Collects refs of a listing, keeping what was asked for. */
export class RefCollector {
  readonly #protocol: 0 | 1 | 2
  readonly #wanted: (ref: string) => boolean
  readonly #refs = new Map<string, RefTip>()
  readonly #haves = new Set<string>()
  readonly #capabilities = new Map<string, string>()
  objectFormat: ObjectFormat | undefined
  head: string | undefined

  constructor(protocol: 0 | 1 | 2, wanted: (ref: string) => boolean) {
    this.#protocol = protocol
    this.#wanted = wanted
  }

  /** The capabilities after the first ref's NUL. `symref` can come several times; HEAD's is the one of interest. */
  takeCapabilities(text: string): void {
    for (const word of text.split(' ')) {
      if (!word) continue
      const [name = '', value = ''] = splitOnce(word, '=')
      this.#capabilities.set(name, value)
      if (name === 'symref' && value.startsWith('HEAD:')) this.takeHead(value.slice('HEAD:'.length))
      if (name === 'object-format') this.objectFormat = value === 'sha256' ? 'sha256' : 'sha1'
    }
  }

  /** A line of version 0 or 1: `oid SP name`, where `name^{}` tells what the tag before it names. */
  takeRef(line: Buffer): void {
    const oid = leadingOid(line)
    if (!oid) throw notAnAdvertisement()
    const end = line.at(-1) === 0x0a ? line.length - 1 : line.length
    const name = decodeRefName(line.subarray(oid.length + 1, end))
    if (name === 'capabilities^{}') return
    if (name === '.have') this.#haves.add(oid)
    else if (name.endsWith('^{}')) this.peel(name.slice(0, -3), oid)
    else this.add(name, { oid })
  }

  takeHead(target: string): void {
    if (isRefName(target)) this.head = target
  }

  add(name: string, tip: RefTip): void {
    // HEAD is listed among the refs; what it points to is told apart.
    if (!name.startsWith('refs/')) return
    if (!isRefName(name)) throw new SaddleError('PROTOCOL_ERROR', `The server lists a ref whose name git does not allow: ${showRefName(name)}`)
    if (this.#wanted(name)) this.#refs.set(name, tip)
  }

  peel(name: string, oid: string): void {
    const tip = this.#refs.get(name)
    if (tip) tip.peeled = oid
  }

  listing(): RefListing {
    return {
      protocol: this.#protocol,
      objectFormat: this.objectFormat ?? 'sha1',
      ...(this.head === undefined ? {} : { head: this.head }),
      refs: this.#refs,
      haves: [...this.#haves],
      capabilities: this.#capabilities,
    }
  }
}

async function readCapabilities(reader: PktReader): Promise<Map<string, string>> {
  const capabilities = new Map<string, string>()
  for (;;) {
    const line = await reader.read()
    if (line === 'flush') return capabilities
    if (!(line instanceof Buffer)) throw notAnAdvertisement()
    const [name = '', value = ''] = splitOnce(pktText(line), '=')
    capabilities.set(name, value)
  }
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator)
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

const notAnAdvertisement = () =>
  new SaddleError('PROTOCOL_ERROR', "The server's list of refs is not as git's protocol has it, or was cut short. Try again.", { retryable: true })
