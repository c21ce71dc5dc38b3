import { z } from 'zod'

/** Every error has this shape. */
export const errorSchema = z
  .object({
    detail: z.string().describe('What is wrong and what to do about it.'),
    code: z.string().describe('For programs; stable.'),
    issues: z.array(z.object({ path: z.string(), message: z.string() })).optional().describe('With 422: the fields concerned.'),
  })
  .meta({ id: 'Error' })

const meanings = {
  400: 'The state of the login does not fit',
  401: 'Not authenticated',
  403: 'Forbidden, or a write from a foreign origin',
  404: 'Unknown, or somebody else\'s',
  409: 'In conflict with what is there',
  413: 'The body is too large',
  421: 'Not the name of this server',
  422: 'The input is not valid',
  429: 'Too many requests; see Retry-After',
  500: 'A fault of the server',
  502: 'The source or the target failed',
  503: 'A part that is needed is down; see Retry-After',
  504: 'The source or the target did not answer in time',
} as const

type ErrorStatus = keyof typeof meanings
/** One schema for each, whatever the number of routes that it is in: a schema of zod takes some memory. */
const errorOf = Object.fromEntries(Object.entries(meanings).map(([status, meaning]) => [status, errorSchema.describe(meaning)]))
/** What every route can answer. */
const everywhere = [421, 422, 429, 500, 503] as const

/** The answers that are errors: those that every route has, and the given ones. */
export function errors<const Status extends ErrorStatus>(...statuses: Status[]) {
  const all = [...everywhere, ...statuses].map((status) => [status, errorOf[status]])
  return Object.fromEntries(all) as Record<Status | (typeof everywhere)[number], typeof errorSchema>
}

/** The errors of routes that ask the source or the target. */
export const upstreamErrors = [401, 403, 404, 502, 504] as const

/** ISO 8601, UTC. */
export const time = z.iso.datetime().describe('ISO 8601, UTC')

const controls = /[\u0000-\u001f\u007f-\u009f]/

/** A name in an address: one segment, free of control characters. */
export const name = (limit: number) =>
  z
    .string()
    .min(1)
    .max(limit)
    .refine((value) => !controls.test(value), 'contains control characters')
    .refine((value) => !/[/\\]/.test(value) && value !== '.' && value !== '..', 'is a path, not a name')

/** Key of a project at the source; `~user` for a personal one. */
export const projectKey = name(255).describe('Project key; ~user for a personal project')
/** Slug of a repository at the source. */
export const repositorySlug = name(255).describe('Slug of a repository')
/** An organisation or user at the target. */
export const owner = name(100).regex(/^[A-Za-z0-9][A-Za-z0-9_-]*$/, 'is not the name of an organisation or user').describe('Organisation or user at GitHub')
/** A repository's name at the target. */
export const repositoryName = name(100).regex(/^[A-Za-z0-9._-]+$/, 'may contain letters, digits, ".", "-" and "_" only')
/** Who may see a repository. */
export const visibility = z.enum(['private', 'internal', 'public'])

/** `true` or `false` in a query. */
export const flag = (value: boolean) => z.enum(['true', 'false', '1', '0']).default(value ? 'true' : 'false').transform((text) => text === 'true' || text === '1')
/** A whole number in a query. */
export const count = (options: { max: number; value: number }) => z.coerce.number().int().min(0).max(options.max).default(options.value)
