import { permissionNames } from '@saddle/core'
import { z } from 'zod'
import { repositoryName } from './common.ts'
import { repository } from './github.ts'

const count = z.number().int()

/** Both vocabularies: read and pull are one, and so are write and push. */
export const permission = z.enum(permissionNames)

export const teamId = z.coerce.number().int().positive()

export const repositories = z.object({
  repositories: z.array(repository),
  total_count: count,
  private_count: count,
  internal_count: count,
  public_count: count,
})

export const summary = z.object({
  total_count: count,
  archived_count: count,
  private_count: count,
  internal_count: count,
  public_count: count,
  permissions: z
    .object({ admin: count, maintain: count, write: count, triage: count, read: count, none: count })
    .describe("By the caller's highest permission"),
})

export const team = z
  .object({
    id: count,
    name: z.string(),
    slug: z.string(),
    permission: z.string().describe('read, triage, write, maintain, admin, or the name of a custom role'),
  })
  .meta({ id: 'TeamPermission' })

export const organizationTeam = z
  .object({ id: count, name: z.string(), slug: z.string(), description: z.string().nullable(), privacy: z.string().nullable(), permission: z.string() })
  .meta({ id: 'Team' })

export const teamUpdate = z.strictObject({ teamId: z.number().int().positive(), permission })

export const teamUpdateAnswer = z.object({ success: z.literal(true), message: z.string(), teamId: count, permission: z.string() })

export const removeAnswer = z.object({ success: z.literal(true), message: z.string() })

export const bulkUpdate = z.strictObject({
  repositories: z.array(repositoryName).min(1).max(1000),
  teamIds: z.array(z.number().int().positive()).min(1).max(100),
  permission,
})

export const bulkUpdateAnswer = z.object({
  results: z.array(
    z.object({
      repository: z.string(),
      teams: z.array(z.object({ teamId: count, success: z.boolean(), error: z.string().optional() })),
    }),
  ),
  total_updates: count,
  successful: count,
  failed: count,
})
