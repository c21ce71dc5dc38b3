import { createGunzip } from 'node:zlib'
import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { flush, packet, readPackets, sideband } from './pkt-line.ts'

/** One ref update that a client asks for. */
export interface RefCommand {
  readonly old: string
  readonly new: string
  readonly ref: string
}

/** The beginning of a `git-receive-pack` request: its ref updates, and what the client understands. */
export interface PushRequest {
  readonly commands: readonly RefCommand[]
  readonly capabilities: ReadonlySet<string>
  /** The whole request, the commands included, from its first byte. */
  readonly body: Readable
}

const commandPattern = /^([0-9a-f]{40,64}) ([0-9a-f]{40,64}) ([^\0\n]*)\n?$/s
const longestCommandList = 64 * 1024 * 1024

/**
 * Reads the commands of a push without taking them away from the body; of the pack, no more is read than came along.
 * A compressed body is inflated on the way.
 */
export async function readPushRequest(request: IncomingMessage): Promise<PushRequest> {
  const body: Readable = request.headers['content-encoding'] === 'gzip' ? request.pipe(createGunzip()) : request
  if (body !== request) request.once('close', () => { if (!request.complete) body.destroy() })
  const payloads = await peekPackets(body)
  const capabilities = new Set<string>()
  const commands: RefCommand[] = []
  for (const payload of payloads) {
    const nul = payload.indexOf(0)
    if (nul >= 0) payload.toString('utf8', nul + 1).trim().split(' ').forEach((one) => capabilities.add(one))
    // latin1 would break names in other scripts; git's names are UTF-8 by convention.
    const match = commandPattern.exec(payload.toString('utf8', 0, nul >= 0 ? nul : undefined))
    if (match) commands.push({ old: match[1]!, new: match[2]!, ref: match[3]! })
  }
  return { commands, capabilities, body }
}

async function peekPackets(body: Readable): Promise<Buffer[]> {
  let seen: Buffer = Buffer.alloc(0)
  const section = await new Promise<Buffer[]>((resolve, reject) => {
    const settle = (act: () => void) => {
      body.off('readable', read).off('end', ended).off('close', ended).off('error', failed)
      act()
    }
    const failed = (error: Error) => settle(() => reject(error))
    const ended = () => settle(() => resolve([]))
    const read = () => {
      for (let chunk = body.read() as Buffer | null; chunk; chunk = body.read() as Buffer | null) {
        seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk])
        let found
        try {
          found = readPackets(seen)
        } catch {
          body.unshift(seen) // git itself will say what is wrong with it
          return settle(() => resolve([]))
        }
        if (found) {
          const { payloads } = found
          // Put back at once: a body that had come whole would otherwise be over before the next reader.
          body.unshift(seen)
          return settle(() => resolve(payloads))
        }
        if (seen.length > longestCommandList) return failed(new Error('too many commands'))
      }
    }
    body.on('readable', read).on('end', ended).on('close', ended).on('error', failed)
  })
  return section
}

/** The fate of one ref in a report: undefined for success, else the reason. */
export type Refusals = ReadonlyMap<string, string>

/** The answer to a push as git's `report-status` gives it, in a side band when the client asked for that. */
export function report(push: Pick<PushRequest, 'commands' | 'capabilities'>, refusals: Refusals, text = ''): Buffer {
  const lines = push.commands.map(({ ref }) => {
    const reason = refusals.get(ref)
    return packet(reason === undefined ? `ok ${ref}\n` : `ng ${ref} ${reason}\n`)
  })
  return wrapReport(push.capabilities, Buffer.concat([packet('unpack ok\n'), ...lines, flush]), text)
}

function wrapReport(capabilities: ReadonlySet<string>, status: Buffer, text: string): Buffer {
  const wanted = capabilities.has('report-status') || capabilities.has('report-status-v2') ? status : Buffer.alloc(0)
  if (!capabilities.has('side-band-64k')) return wanted
  return Buffer.concat([text ? sideband(2, text) : Buffer.alloc(0), sideband(1, wanted), flush])
}

/**
 * Puts other reasons into the report that git wrote, and text in front of it: git knows only `hook declined`, where a
 * server with its own hooks says more. What git itself refused for another reason keeps that reason.
 */
export function rewriteReport(answer: Buffer, push: PushRequest, refusals: Refusals, text: string): Buffer {
  const banded = push.capabilities.has('side-band-64k')
  const progress: Buffer[] = []
  let status = answer
  if (banded) {
    const section = readPackets(answer)
    if (!section) return answer
    progress.push(...section.payloads.filter((one) => one[0] !== 1).map((one) => packet(one)))
    status = Buffer.concat(section.payloads.filter((one) => one[0] === 1).map((one) => one.subarray(1)))
  }
  const lines = readPackets(status)?.payloads ?? []
  const rewritten = lines.map((line) => {
    const match = /^ng (.+) deny (?:updating|deleting) a hidden ref\n?$/s.exec(line.toString())
    const reason = match && refusals.get(match[1]!)
    return packet(reason ? `ng ${match[1]} ${reason}\n` : line)
  })
  const newStatus = Buffer.concat([...rewritten, flush])
  return banded ? Buffer.concat([...progress, wrapReport(push.capabilities, newStatus, text)]) : newStatus
}
