import type { Visibility } from '@saddle/github-client'
import { SaddleError } from '@saddle/transport'
import { z } from 'zod'
import { migrationRequestSchema, type MigrationOptions, type MigrationRequest } from '../request.ts'

/** Which repositories to move: exactly one of `source`, `map` and `requests`. */
export interface BulkRequest {
  /** Repositories of one project. */
  source?: BulkSource
  /**
   * A CSV text with a header: `source` (`PROJECT/slug`) and, where wanted, `target` (`owner/name`, or `name`),
   * `visibility`, `description` and `existing`.
   */
  map?: string
  /** A list of complete requests. */
  requests?: readonly MigrationRequest[]
  /** Where to; needed with `source`, and with a map whose targets name no owner. */
  target?: BulkTarget
  /** How to move each of them; a request's own options win. */
  options?: MigrationOptions
}

/** Repositories of one project: those of the list, or all; narrowed by globs. */
export interface BulkSource {
  /** Project key; `~user` for a personal project. */
  project: string
  /** Slugs. Each must exist. */
  repositories?: readonly string[]
  /** Globs of slugs, such as `web-*`; a repository must match one of them. Case does not matter. */
  include?: readonly string[]
  /** Globs of slugs; a repository must match none of them. */
  exclude?: readonly string[]
  /** Take archived repositories as well. True by default. */
  archived?: boolean
}

/** Where the repositories go; their names follow their slugs. */
export interface BulkTarget {
  /** Organisation or user. */
  owner?: string
  /** Private unless said otherwise. */
  visibility?: Visibility
  /** Whether the repositories exist already; see {@link TargetReference}. */
  existing?: boolean
}

const globs = z.array(z.string().min(1).max(500)).max(1000).optional()

/** Checks a {@link BulkRequest}; unknown fields are refused. */
export const bulkRequestSchema = z
  .strictObject({
    source: z
      .strictObject({
        project: z.string().min(1).max(255),
        repositories: z.array(z.string().min(1).max(255)).min(1).max(100_000).optional(),
        include: globs,
        exclude: globs,
        archived: z.boolean().optional(),
      })
      .optional(),
    map: z.string().max(16 * 1024 * 1024).optional(),
    // Each request is checked by itself, so that a list with one mistake is told apart from a wrong list.
    requests: z.array(z.unknown()).min(1).max(100_000).optional(),
    target: z
      .strictObject({
        owner: migrationRequestSchema.shape.target.shape.owner.optional(),
        visibility: z.enum(['private', 'internal', 'public']).optional(),
        existing: z.boolean().optional(),
      })
      .optional(),
    options: migrationRequestSchema.shape.options,
  })
  .refine(({ source, map, requests }) => [source, map, requests].filter((way) => way !== undefined).length === 1, {
    error: 'give exactly one of source, map and requests',
  })
  .refine(({ source, target }) => source === undefined || target?.owner !== undefined, {
    error: 'is needed to know where the repositories go',
    path: ['target', 'owner'],
  })

/**
 * Checks a request and says all that is wrong with it in one text. A list of requests is taken as `{ requests }`.
 *
 * @throws SaddleError `INVALID_INPUT`, with the first field concerned as `context.option`
 */
export function parseBulkRequest(input: unknown): BulkRequest {
  const result = bulkRequestSchema.safeParse(Array.isArray(input) ? { requests: input } : input)
  if (result.success) return result.data as BulkRequest
  const issues = result.error.issues.map(({ path, message }) => `${path.map(String).join('.') || 'request'}: ${message}`)
  const option = result.error.issues[0]?.path.map(String).join('.')
  throw new SaddleError('INVALID_INPUT', `The bulk migration's request is not valid. ${issues.join('; ')}.`, {
    cause: result.error,
    context: option ? { option } : {},
  })
}
