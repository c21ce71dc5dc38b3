import type { ProgressEvent } from '../events.ts'
import { stepNames, type MigrationRecord } from '../record.ts'
import { requestDefaults } from '../request.ts'

/** A record as the engine makes it, for tests of a store. */
export function sampleRecord(id: string, change: Partial<MigrationRecord> = {}): MigrationRecord {
  const at = '2024-05-01T10:00:00.000Z'
  return {
    id,
    request: {
      source: { project: 'PROJ', repository: 'widgets' },
      target: { owner: 'Octo', name: 'Widgets', visibility: 'private', existing: false },
      options: {
        force: false, prune: false, settings: true, git: 'auto', namespaces: [...requestDefaults.namespaces],
      },
    },
    hosts: { source: 'bitbucket.example.com', target: 'api.github.com' },
    status: 'pending',
    createdAt: at,
    updatedAt: at,
    steps: stepNames.map((name) => ({ name, status: 'pending' })),
    progress: { percentage: 0, bytes: 0, objects: 0, message: '' },
    losses: [],
    transferred: { bytes: 0, objects: 0 },
    ...change,
  }
}

/** An event with some text of its own. */
export const sampleEvent = (migrationId: string, seq: number): ProgressEvent => ({
  migrationId,
  seq,
  at: '2024-05-01T10:00:01.000Z',
  type: 'message',
  level: 'info',
  text: `event ${seq} of ${migrationId} – ☕ \n\0 \u2028`,
})
