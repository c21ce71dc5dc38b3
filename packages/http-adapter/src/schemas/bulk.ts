import { z } from 'zod'
import { name, owner, projectKey, repositorySlug, time, visibility } from './common.ts'
import { status, stepLabel } from './migration.ts'

const count = z.number().int()

export const bulkId = name(100).regex(/^[A-Za-z0-9][\w.-]*$/, 'may contain letters, digits, ".", "-" and "_" only').describe('Id of a bulk migration')

export const startBody = z
  .strictObject({
    bulk_migration_id: bulkId.optional().describe('Made up when it is left out'),
    source_project: projectKey,
    source_repositories: z.array(repositorySlug).min(1).max(10_000),
    target_owner: owner,
    visibility: visibility.default('private'),
  })
  .meta({ id: 'BulkMigrationStart' })

export const startAnswer = z.object({ bulk_migration_id: z.string(), status, message: z.string(), total_repositories: count })

export const repositoryStatus = z
  .object({
    status,
    current_step: stepLabel,
    total_progress: z.number().min(0).max(100),
    steps_completed: count,
    total_steps: count,
    elapsed_time: z.number().describe('Seconds'),
    error: z.string().nullable(),
    migration_id: z.string(),
  })
  .meta({ id: 'BulkRepositoryStatus' })

export const summary = z
  .object({
    bulk_migration_id: z.string(),
    status,
    total_repositories: count,
    completed: count,
    failed: count,
    in_progress: count,
    pending: count,
    cancelled: count,
    overall_progress: z.number().min(0).max(100),
    start_time: time,
    end_time: time.nullable(),
    elapsed_time: z.number().describe('Seconds'),
    seconds_left: z.number().nullable().describe('An estimate; null where there is nothing to judge by'),
  })
  .meta({ id: 'BulkMigrationSummary' })

export const bulkStatus = summary
  .extend({ repositories: z.record(z.string(), repositoryStatus).describe('By slug') })
  .meta({ id: 'BulkMigrationStatus' })

export const listQuery = z.object({
  status: status.optional(),
  limit: z.coerce.number().int().min(1).max(500).default(50),
  cursor: z.string().max(1000).optional(),
})

export const listAnswer = z.object({ bulk_migrations: z.array(summary), cursor: z.string().nullable() })

export const changeAnswer = z.object({ bulk_migration_id: z.string(), status, message: z.string() })

export const reportQuery = z.object({ format: z.enum(['json', 'csv', 'html']).optional().describe('Else by the Accept header; JSON by default') })

export const report = summary
  .extend({
    repositories: z.array(
      z.object({
        source: z.string().describe('PROJECT/slug'),
        target: z.string().describe('owner/name'),
        migration_id: z.string(),
        status,
        attempts: count,
        verified_refs: count.nullable(),
        losses: count,
        bytes: z.number(),
        start_time: time.nullable(),
        end_time: time.nullable(),
        elapsed_time: z.number(),
        error: z.string().nullable(),
      }),
    ),
  })
  .meta({ id: 'BulkMigrationReport' })
