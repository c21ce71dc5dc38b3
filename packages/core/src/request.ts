import { defaultNamespaces } from '@saddle/git-relay'
import { toRepositoryName, type Visibility } from '@saddle/github-client'
import { SaddleError } from '@saddle/transport'
import { z } from 'zod'

/** Which repository to move where, and how. */
export interface MigrationRequest {
  source: SourceReference
  target: TargetReference
  options?: MigrationOptions
}

/** A repository at the source. */
export interface SourceReference {
  /** Project key; `~user` for a personal project. */
  project: string
  /** The repository's slug, which can differ from its name. */
  repository: string
}

/** The repository to be made, or to be brought up to date. */
export interface TargetReference {
  /** Organisation or user. */
  owner: string
  /** By default the source's slug with what the target does not allow replaced. */
  name?: string
  /** By default the source's; null for none. */
  description?: string | null
  /** Of a repository that is made: private unless said otherwise, whatever the source is. One that exists keeps its own. */
  visibility?: Visibility
  /**
   * False (the default): the repository must not exist, unless this store remembers that a migration of the same source
   * made it. True: it must exist.
   */
  existing?: boolean
}

/** How to move it. */
export interface MigrationOptions {
  /** Overwrite refs of the target that diverged. False by default: they are refused by name. */
  force?: boolean
  /** Delete refs of the target that the source no longer has, within the namespaces. False by default. */
  prune?: boolean
  /** Ref namespaces to move, each ending in `/`. */
  namespaces?: string[]
  /** Take over default branch, description, topics and the archived flag. True by default. */
  settings?: boolean
  /** What moves the objects; `auto` chooses and says why. */
  git?: GitChoice
}

/** The backends that a request can name. */
export type GitChoice = 'auto' | 'relay' | 'native' | 'isomorphic'

/** What applies where an option is left out. */
export const requestDefaults = {
  visibility: 'private',
  existing: false,
  force: false,
  prune: false,
  namespaces: [...defaultNamespaces],
  settings: true,
  git: 'auto',
} as const satisfies Required<MigrationOptions> & { visibility: Visibility; existing: boolean }

/** A request with everything filled in but the description, which the source decides when it is absent. */
export interface NormalizedRequest {
  source: SourceReference
  target: { owner: string; name: string; description?: string | null; visibility: Visibility; existing: boolean }
  options: Required<MigrationOptions>
}

const controls = /[\p{Cc}\p{Cf}]/u
const text = (limit: number) =>
  z.string().min(1).max(limit).refine((value) => !controls.test(value), 'contains control characters')
const segment = (limit: number) =>
  text(limit).refine((value) => !/[/\\?#%]/.test(value) && value !== '.' && value !== '..', 'is not a name but a path')

/** Checks a {@link MigrationRequest}; unknown fields are refused, so that a misspelt option is noticed. */
export const migrationRequestSchema = z.strictObject({
  source: z.strictObject({ project: segment(255), repository: segment(255) }),
  target: z.strictObject({
    owner: segment(100).regex(/^[A-Za-z0-9][A-Za-z0-9_-]*$/, 'is not the name of an organisation or user'),
    name: segment(100).regex(/^[A-Za-z0-9._-]+$/, 'may contain letters, digits, ".", "-" and "_" only').optional(),
    description: z.string().max(10_000).nullable().optional(),
    visibility: z.enum(['private', 'internal', 'public']).optional(),
    existing: z.boolean().optional(),
  }),
  options: z
    .strictObject({
      force: z.boolean().optional(),
      prune: z.boolean().optional(),
      namespaces: z.array(text(255).regex(/^refs\/(?:[^\s/]+\/)+$/, 'must look like refs/heads/')).min(1).max(32).optional(),
      settings: z.boolean().optional(),
      git: z.enum(['auto', 'relay', 'native', 'isomorphic']).optional(),
    })
    .optional(),
})

/**
 * Checks a request and says all that is wrong with it in one text.
 *
 * @throws SaddleError `INVALID_INPUT`, with the first field concerned as `context.option`
 */
export function parseRequest(input: unknown): MigrationRequest {
  const result = migrationRequestSchema.safeParse(input)
  if (result.success) return result.data as MigrationRequest
  const issues = result.error.issues.map(({ path, message }) => `${path.map(String).join('.') || 'request'}: ${message}`)
  const option = result.error.issues[0]?.path.map(String).join('.')
  throw new SaddleError('INVALID_INPUT', `The migration request is not valid. ${issues.join('; ')}.`, {
    cause: result.error,
    context: option ? { option } : {},
  })
}

/** The request with every default filled in. */
export function normalizeRequest({ source, target, options }: MigrationRequest): NormalizedRequest {
  const { visibility, existing, ...defaults } = requestDefaults
  return {
    source: { ...source },
    target: {
      owner: target.owner,
      name: target.name ?? toRepositoryName(source.repository),
      ...(target.description === undefined ? {} : { description: target.description }),
      visibility: target.visibility ?? visibility,
      existing: target.existing ?? existing,
    },
    options: {
      force: options?.force ?? defaults.force,
      prune: options?.prune ?? defaults.prune,
      namespaces: [...(options?.namespaces ?? defaults.namespaces)],
      settings: options?.settings ?? defaults.settings,
      git: options?.git ?? defaults.git,
    },
  }
}

/** `PROJECT/slug` */
export const sourceName = ({ source }: Pick<NormalizedRequest, 'source'>): string => `${source.project}/${source.repository}`

/** `owner/name` */
export const targetName = ({ target }: Pick<NormalizedRequest, 'target'>): string => `${target.owner}/${target.name}`
