import { z } from 'zod'
import { owner, repositoryName, time, visibility } from './common.ts'

const permissions = z.object({ admin: z.boolean(), push: z.boolean(), pull: z.boolean() })

export const repository = z
  .object({
    id: z.number().int(),
    name: z.string(),
    full_name: z.string(),
    description: z.string().nullable(),
    private: z.boolean(),
    visibility,
    permissions,
  })
  .meta({ id: 'GitHubRepository' })

export const repositoryDetail = repository
  .extend({
    archived: z.boolean(),
    default_branch: z.string(),
    html_url: z.string(),
    created_at: time,
    topics: z.array(z.string()),
    renamed_from: z.string().nullable().describe('owner/name that was asked for, when it has another one by now'),
  })
  .meta({ id: 'GitHubRepositoryDetail' })

export const user = z.object({ login: z.string(), type: z.string(), scopes: z.array(z.string()).nullable().describe('Null for tokens that do not say') })

export const organizations = z.object({ organizations: z.array(z.object({ id: z.number().int(), login: z.string(), description: z.string().nullable() })) })

export const repositories = z.object({ repositories: z.array(repository), total_count: z.number().int() })

export const newRepository = z
  .strictObject({
    owner,
    name: repositoryName,
    description: z.string().max(350).nullish(),
    visibility: visibility.default('private'),
  })
  .meta({ id: 'NewGitHubRepository' })

export const rateLimit = z.object({
  limit: z.number().int().nullable().describe('Requests an hour; null where the server sets no limit'),
  remaining: z.number().int().nullable(),
  reset_at: time.nullable(),
})
