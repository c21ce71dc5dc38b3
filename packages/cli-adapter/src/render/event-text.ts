import type { ProgressEvent, ProgressEventOf, StepName } from '@saddle/core'
import { escape } from '../escape.ts'
import { bytes, count, counted, duration } from './format.ts'
import { lossText } from './report.ts'
import type { Style } from './style.ts'

/** What a step is doing, in a word or two. */
export const stepLabels: Readonly<Record<StepName, string>> = {
  preflight: 'checking',
  'prepare-target': 'preparing target',
  'transfer-lfs': 'moving Git LFS objects',
  'transfer-git': 'transferring',
  settings: 'settings',
  verify: 'verifying',
  finish: 'finishing',
}

/** What a transfer is doing, in a word or two. */
export const phaseLabels: Readonly<Record<ProgressEventOf<'transfer'>['phase'], string>> = {
  lfs: 'moving Git LFS objects',
  counting: 'source is counting',
  streaming: 'transferring',
  indexing: 'target is indexing',
}

/** An event as one line of text, safe to show; undefined for one that says nothing new to a reader. */
export function eventText(event: ProgressEvent, style: Style): string | undefined {
  const { colour } = style
  switch (event.type) {
    case 'migration-start':
      return `${event.resumed ? 'resuming' : 'starting'}: ${escape(event.source)} → ${escape(event.target)}`
    case 'step-start':
      return undefined
    case 'step-end': {
      if (event.outcome === 'failed') return colour.red(`step ${event.index}/${event.total} ${event.step} failed`)
      const what = event.outcome === 'skipped' ? 'nothing to do' : `done in ${duration(event.durationMs)}`
      return `step ${event.index}/${event.total} ${event.step}: ${what}`
    }
    case 'transfer':
      return `${phaseLabels[event.phase]}: ${transferFacts(event).join(', ')}`
    case 'message':
      return event.level === 'warning' ? `${colour.yellow('warning:')} ${escape(event.text)}` : escape(event.text)
    case 'loss':
      return lossText(event.loss, style)
    case 'migration-end':
      return endText(event)
  }
}

/** How a run ended: `completed in 3.2 s`, `failed after 1 min 02 s: …`. */
export function endText({ status, durationMs, error }: ProgressEventOf<'migration-end'>): string {
  if (status === 'completed') return `completed in ${duration(durationMs)}`
  const why = error ? `: ${escape(error.message)} (${error.code})` : ''
  return `${status} after ${duration(durationMs)}${status === 'failed' ? why : ''}`
}

/** Bytes, objects, rate and time left, those that are known. */
export function transferFacts(transfer: {
  bytes: number
  objects: number
  totalObjects?: number | undefined
  bytesPerSecond?: number | undefined
  secondsLeft?: number | undefined
}): string[] {
  const { objects, totalObjects, bytesPerSecond, secondsLeft } = transfer
  return [
    bytes(transfer.bytes),
    totalObjects === undefined ? counted(objects, 'object') : `${count(objects)}/${count(totalObjects)} objects`,
    ...(bytesPerSecond ? [`${bytes(bytesPerSecond)}/s`] : []),
    ...(secondsLeft === undefined ? [] : [`${duration(secondsLeft * 1000)} left`]),
  ]
}
