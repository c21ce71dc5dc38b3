import type { TargetRepository } from '@saddle/github-client'
import type { MigrationRecord } from './record.ts'
import type { JournalEntry } from './store/store.ts'

/** What the description of a repository says from its creation until its migration is complete. */
export const ownershipMarker = (migrationId: string): string => `Being migrated by Saddle (${migrationId})`

/** The id in a repository's marker, whoever's it is. */
export const markedBy = ({ description }: Pick<TargetRepository, 'description'>): string | undefined =>
  /^Being migrated by Saddle \((.+)\)$/.exec(description ?? '')?.[1]

/** What is known about who made a repository. */
export interface OwnershipFacts {
  /** The migration at hand; absent for a plan. */
  record?: Pick<MigrationRecord, 'id' | 'targetRepository'>
  journal: readonly JournalEntry[]
  /** Migrations that the store remembers, of the same source to the same target. */
  earlier: readonly Pick<MigrationRecord, 'id' | 'targetRepository'>[]
}

/**
 * Whether a migration of this source made the repository. The marker counts when a creation's answer was lost, or the
 * process died before it could note the repository's id; the id counts once the marker has given way to the real
 * description. A repository of the same name that somebody else made has neither.
 */
export function isOurs(repository: TargetRepository, { record, journal, earlier }: OwnershipFacts): boolean {
  const mine = record ? [record, ...earlier] : earlier
  const marker = markedBy(repository)
  return (
    mine.some(({ id }) => id === marker) ||
    mine.some(({ targetRepository }) => targetRepository?.created === true && targetRepository.id === repository.id) ||
    journal.some(({ key, state, data }) => key === creationKey && state === 'done' && data === repository.id)
  )
}

/** The journal's key for the creation of the repository; its `done` carries the repository's id. */
export const creationKey = 'repository.create'
