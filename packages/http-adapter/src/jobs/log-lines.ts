import { Readable } from 'node:stream'
import type { ProgressEvent } from '@saddle/core'

/** The events as lines: of JSON, or for people. Lazily, so that a long log is never in memory as a whole. */
export function logLines(events: AsyncIterable<ProgressEvent>, json: boolean): Readable {
  return Readable.from(lines(events, json), { objectMode: false })
}

async function* lines(events: AsyncIterable<ProgressEvent>, json: boolean): AsyncGenerator<string> {
  for await (const event of events) {
    if (json) yield `${JSON.stringify(event)}\n`
    else yield `${event.at} ${visible(textOf(event))}\n`
  }
}

function textOf(event: ProgressEvent): string {
  switch (event.type) {
    case 'migration-start':
      return `INFO  ${event.resumed ? 'Resuming' : 'Starting'}: ${event.source} to ${event.target}`
    case 'step-start':
      return `INFO  Step ${event.index} of ${event.total} begins: ${event.step}`
    case 'step-end':
      return `${event.outcome === 'failed' ? 'ERROR' : 'INFO '} Step ${event.index} of ${event.total} ${event.outcome}: ${event.step} (${event.durationMs} ms)`
    case 'transfer':
      return `INFO  Transfer, ${event.phase}: ${event.objects}${event.totalObjects === undefined ? '' : ` of ${event.totalObjects}`} objects, ${event.bytes} bytes${event.message ? `: ${event.message}` : ''}`
    case 'message':
      return `${event.level === 'warning' ? 'WARN ' : 'INFO '} ${event.text}`
    case 'loss':
      return `WARN  Not migrated: ${event.loss.kind} ${event.loss.subject}: ${event.loss.reason}`
    case 'migration-end':
      return `${event.status === 'completed' ? 'INFO ' : 'ERROR'} Migration ${event.status} after ${event.durationMs} ms${event.error ? `: ${event.error.code} ${event.error.message}` : ''}`
  }
}

/** Names come from elsewhere: what could break a line or steer a terminal is shown, not obeyed. */
const visible = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`)
