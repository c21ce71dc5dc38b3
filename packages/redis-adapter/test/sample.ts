import { requestDefaults, stepNames, type MigrationRecord, type ProgressEvent } from '@saddle/core'

/** A record as the engine makes it. */
export function sampleRecord(id: string, change: Partial<MigrationRecord> = {}): MigrationRecord {
  const at = '2024-05-01T10:00:00.000Z'
  const { force, prune, namespaces, settings, git } = requestDefaults
  return {
    id,
    request: {
      source: { project: 'PROJ', repository: 'widgets' },
      target: { owner: 'Octo', name: 'Widgets', visibility: 'private', existing: false },
      options: { force, prune, settings, git, namespaces: [...namespaces] },
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

/** Events of one migration, numbered from one to another. */
export const sampleEvents = (migrationId: string, from: number, to: number): ProgressEvent[] =>
  Array.from({ length: to - from + 1 }, (_, index) => ({
    migrationId, seq: from + index, at: '2024-05-01T10:00:01.000Z', type: 'message', level: 'info', text: 'event',
  }))
