import { SaddleError, type Redactor } from '@saddle/transport'
import { z } from 'zod'
import type { Organization, RateLimit, TargetRepository, Team } from './types.ts'

// Answers of the API, used fields only; others pass and are dropped.

const text = z.string().nullish().transform((value) => value ?? undefined)

const permissions = z
  .object({
    pull: z.boolean().default(false),
    triage: z.boolean().default(false),
    push: z.boolean().default(false),
    maintain: z.boolean().default(false),
    admin: z.boolean().default(false),
  })
  .optional()

/** A repository, in full or as lists have it. */
export const repository = z
  .object({
    id: z.number(),
    owner: z.object({ login: z.string() }),
    name: z.string(),
    full_name: z.string(),
    description: text,
    homepage: text,
    private: z.boolean(),
    visibility: z.enum(['private', 'internal', 'public']).optional(),
    archived: z.boolean().default(false),
    default_branch: z.string().default('main'),
    topics: z.array(z.string()).default([]),
    permissions,
    size: z.number().default(0),
    html_url: z.string(),
    created_at: z.string().nullish(),
  })
  .transform((answer): TargetRepository => Object.freeze({
    id: answer.id,
    owner: answer.owner.login,
    name: answer.name,
    fullName: answer.full_name,
    description: answer.description,
    homepage: answer.homepage,
    // Enterprise Servers leave the visibility out of some answers.
    visibility: answer.visibility ?? (answer.private ? 'private' : 'public'),
    archived: answer.archived,
    defaultBranch: answer.default_branch,
    topics: Object.freeze(answer.topics),
    permissions: answer.permissions && Object.freeze(answer.permissions),
    size: answer.size,
    htmlUrl: answer.html_url,
    createdAt: answer.created_at ?? '',
  }))

/** A user or organisation, by `GET /users/{username}` or as the token's owner. */
export const account = z.object({ id: z.number(), login: z.string(), type: z.string() })

/** The App itself. */
export const app = z.object({ slug: z.string().optional(), name: z.string(), html_url: z.string() })

/** An installation of the App. */
export const installation = z.object({
  id: z.number(),
  account: z.object({ id: z.number(), login: z.string().optional(), type: z.string().optional() }).nullable(),
})

/** A token of an installation. */
export const installationToken = z.object({
  token: z.string(),
  expires_at: z.string(),
  permissions: z.record(z.string(), z.string()).default({}),
})

/** An organisation, with what its members may do where the caller may know. */
export const organization = z
  .object({
    id: z.number(),
    login: z.string(),
    description: text,
    members_can_create_repositories: z.boolean().nullish(),
  })

/** An organisation of a list. */
export const organizationItem = organization.transform(({ id, login, description }): Organization => Object.freeze({ id, login, description }))

/** The caller's membership of an organisation. */
export const membership = z.object({ state: z.string(), role: z.string() })

/** A team, with the permission on a repository where one was asked about. */
export const team = z
  .object({
    id: z.number(),
    slug: z.string(),
    name: z.string(),
    description: text,
    privacy: z.string().optional(),
    permission: z.string().default('pull'),
    parent: z.object({ slug: z.string() }).nullish(),
  })
  .transform((answer): Team => Object.freeze({
    id: answer.id,
    slug: answer.slug,
    name: answer.name,
    description: answer.description,
    privacy: answer.privacy,
    permission: answer.permission,
    parentSlug: answer.parent?.slug,
  }))

/** The rate limits. */
export const rateLimits = z
  .object({ resources: z.object({ core: z.object({ limit: z.number(), remaining: z.number(), reset: z.number() }) }) })
  .transform(({ resources: { core } }): RateLimit => Object.freeze({
    limit: core.limit,
    remaining: core.remaining,
    resetAt: new Date(core.reset * 1000).toISOString(),
  }))

/** Reads an answer; one that has not the expected shape is `PROTOCOL_ERROR`, naming the field. */
export function parse<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  { host, path, redactor }: { host: string; path: string; redactor: Redactor },
): z.output<Schema> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  const field = issue?.path.map(String).join('.') || 'the answer'
  throw new SaddleError(
    'PROTOCOL_ERROR',
    `${host} answered ${path} in an unexpected shape (${field}: ${issue?.message ?? 'invalid'}). Check that the base URL ` +
      'is that of the GitHub REST API: https://api.github.com, or https://HOST/api/v3 for an Enterprise Server.',
    { context: { host, path }, redactor },
  )
}
