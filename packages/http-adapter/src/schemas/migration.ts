import { migrationStatuses } from '@saddle/core'
import { z } from 'zod'
import { name, owner, projectKey, repositoryName, repositorySlug, time, visibility } from './common.ts'

export const status = z.enum(migrationStatuses)

/** The labels of steps that callers of the API know, in order. */
export const labels = ['Initializing', 'Preparing target', 'Cloning repository', 'Pushing content', 'Completing'] as const
/** What `current_step` says. */
export const stepLabel = z.enum([...labels, 'Failed'])

export const migrationId = name(200).describe('Id of a migration')

export const startBody = z
  .strictObject({
    source: z.strictObject({ project: projectKey, repository: repositorySlug }),
    target: z.strictObject({
      owner,
      name: repositoryName,
      description: z.string().max(10_000).nullish(),
      visibility: visibility.default('private'),
    }),
    repository_option: z.enum(['new', 'existing']).default('new').describe('new: it must not exist; existing: it must'),
    force: z.boolean().default(false).describe('Overwrite refs of the target that diverged'),
  })
  .meta({ id: 'MigrationStart' })

export const startHeaders = z.object({
  'idempotency-key': z.string().min(1).max(255).regex(/^[\x20-\x7e]+$/, 'has characters outside ASCII').optional().describe('The same key and body give the same migration'),
})

export const startAnswer = z.object({ migration_id: z.string(), status, message: z.string() })

export const snapshot = z
  .object({
    migration_id: z.string(),
    status,
    progress: z.object({
      percentage: z.number().min(0).max(100),
      current_step: stepLabel,
      steps_completed: z.number().int(),
      total_steps: z.number().int(),
    }),
    timing: z.object({ start_time: time, elapsed_seconds: z.number() }),
    details: z.object({ message: z.string(), error: z.string().nullable() }),
  })
  .meta({ id: 'MigrationStatus' })

/** The data of a `migration_update` event. */
export const update = z
  .object({
    status,
    progress: z.number().min(0).max(100),
    current_step: stepLabel,
    details: z.object({ message: z.string(), error: z.string().optional(), bytes: z.number(), objects: z.number() }),
  })
  .meta({ id: 'MigrationUpdate' })

const serializedError = z.object({ code: z.string(), message: z.string(), retryable: z.boolean(), context: z.record(z.string(), z.unknown()) })

export const summary = z
  .object({
    migration_id: z.string(),
    bulk_migration_id: z.string().nullable(),
    status,
    source: z.object({ project: z.string(), repository: z.string() }),
    target: z.object({ owner: z.string(), name: z.string(), visibility, url: z.string().nullable() }),
    created_at: time,
    start_time: time.nullable(),
    end_time: time.nullable(),
    percentage: z.number(),
    error: z.string().nullable(),
  })
  .meta({ id: 'MigrationSummary' })

export const historyQuery = z.object({
  status: status.optional(),
  project: projectKey.optional(),
  owner: owner.optional(),
  limit: z.coerce.number().int().min(1).max(500).default(50),
  cursor: z.string().max(1000).optional(),
})

export const historyAnswer = z.object({ migrations: z.array(summary), cursor: z.string().nullable().describe('For the next page; null at the end') })

export const record = summary
  .extend({
    steps: z.array(z.object({ name: z.string(), status: z.string(), start_time: time.nullable(), end_time: time.nullable() })),
    refs: z
      .object({
        verified: z.number(),
        created: z.number(),
        updated: z.number(),
        unchanged: z.number(),
        deleted: z.number(),
        rejected: z.array(z.object({ ref: z.string(), code: z.string(), reason: z.string() })),
      })
      .nullable(),
    losses: z.array(z.object({ kind: z.string(), subject: z.string(), reason: z.string(), count: z.number().optional() })),
    transferred: z.object({ bytes: z.number(), objects: z.number() }),
    git_backend: z.object({ name: z.string(), reason: z.string() }).nullable(),
    duration_seconds: z.number(),
    failure: serializedError.nullable(),
  })
  .meta({ id: 'MigrationRecord' })

export const cancelAnswer = z.object({ migration_id: z.string(), status, message: z.string() })

export const accessQuery = z.object({ owner: owner.optional(), repo: repositoryName.optional() })
export const accessBody = z.strictObject({ owner: owner.optional(), repo: repositoryName.optional() }).nullish()

export const accessAnswer = z.object({
  status: z.enum(['success', 'failed']).describe('success: the token is valid, and may read and push'),
  message: z.string(),
  token: z.object({ valid: z.boolean(), kind: z.string(), login: z.string().nullable(), scopes: z.array(z.string()).nullable() }),
  repository: z.object({ exists: z.boolean(), archived: z.boolean() }),
  read_access: z.boolean(),
  push_access: z.boolean(),
  missing: z.array(z.string()).describe('What is missing, and how to get it'),
})
