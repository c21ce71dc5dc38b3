import { z } from 'zod'
import type { ApplicationProperties, Branch, LastCommit, Project, Repository, Tag } from './types.ts'

// Only what is used is declared; what a server adds passes unread. Fields that some version leaves out or sends as
// null have a value to fall back on, so that an old server is not a fault.

const text = z.string().nullish().transform((value) => value || undefined)
const flag = (otherwise: boolean) => z.boolean().nullish().transform((value) => value ?? otherwise)
const count = z.number().int().nonnegative()

/** Epoch milliseconds, or ISO 8601 with an offset that may lack its colon (`+0000`). */
export const timestamp = z.union([z.number(), z.string()]).transform((value, context) => {
  const date = new Date(typeof value === 'string' ? value.replace(/([+-]\d\d)(\d\d)$/, '$1:$2') : value)
  if (Number.isNaN(date.getTime())) context.addIssue('is not a time')
  return date
})

const isPersonal = (key: string, type: string | undefined): boolean => type === 'PERSONAL' || key.startsWith('~')

export const applicationProperties = z
  .object({ version: z.string(), buildNumber: z.coerce.string(), displayName: z.string().default('Bitbucket') })
  .transform((value): ApplicationProperties => Object.freeze(value))

export const project = z
  .object({ key: z.string().min(1), name: text, description: text, public: flag(false), type: text })
  .transform(({ key, name, description, public: isPublic, type }): Project =>
    Object.freeze({ key, name: name ?? key, description, public: isPublic, personal: isPersonal(key, type) }))

const place = z.object({ slug: z.string().min(1), project: z.object({ key: z.string().min(1), type: text }) })
const cloneLink = z.object({ href: z.string(), name: text })

export const repository = place
  .extend({
    name: text,
    description: text,
    archived: flag(false),
    public: flag(false),
    forkable: flag(true),
    origin: place.nullish().catch(undefined),
    size: count.optional().catch(undefined),
    state: text,
    links: z.object({ clone: z.array(cloneLink).nullish() }).nullish().catch(undefined),
  })
  .transform(({ slug, project: { key, type }, name, origin, links, state, size, description, ...rest }): Repository =>
    Object.freeze({
      ...rest,
      description,
      size,
      projectKey: key,
      slug,
      name: name ?? slug,
      origin: origin ? Object.freeze({ projectKey: origin.project.key, slug: origin.slug }) : undefined,
      cloneUrl: withoutUser(links?.clone?.find((link) => /^https?$/.test(link.name ?? ''))?.href),
      personal: isPersonal(key, type),
      state: state ?? 'AVAILABLE',
    }))

export const branch = z
  .object({ id: z.string(), displayId: z.string(), latestCommit: z.string(), isDefault: flag(false), default: flag(false) })
  .transform(({ id, displayId, latestCommit, isDefault, default: described }): Branch =>
    Object.freeze({ ref: id, name: displayId, commit: latestCommit, isDefault: isDefault || described }))

export const tag = z
  .object({ id: z.string(), displayId: z.string(), latestCommit: z.string(), hash: text })
  .transform(({ id, displayId, latestCommit, hash }): Tag =>
    Object.freeze({ ref: id, name: displayId, commit: latestCommit, object: hash }))

export const minimalRef = z.object({ id: z.string().min(1) })

export const commit = z
  .object({ id: z.string(), committerTimestamp: timestamp.optional(), authorTimestamp: timestamp })
  .transform(({ id, committerTimestamp, authorTimestamp }): LastCommit =>
    Object.freeze({ id, date: committerTimestamp ?? authorTimestamp }))

/** A page of pull requests, of which only the number matters. */
export const pullRequests = z.object({ values: z.array(z.object({ id: z.number() })) })

export const label = z.object({ name: z.string() })

export const sizes = z
  .object({ repository: count, attachments: count.nullish() })
  .transform(({ repository: bytes, attachments }) => Object.freeze({ repository: bytes, attachments: attachments ?? 0 }))

/** The frame of every list; the values are parsed one by one, by their own schema. */
export const page = z.object({
  values: z.array(z.unknown()),
  isLastPage: z.boolean().nullish(),
  nextPageStart: z.number().int().nullish(),
})

export const errors = z.object({
  errors: z.array(z.object({ message: text, exceptionName: text, context: text })).min(1),
})

/** Clone links carry the name of the user who asked; it is no part of the address. */
function withoutUser(link: string | undefined): string | undefined {
  if (link === undefined || !URL.canParse(link)) return undefined
  const url = new URL(link)
  url.username = url.password = url.search = url.hash = ''
  return url.href
}
