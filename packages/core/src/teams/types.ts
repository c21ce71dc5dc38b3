import type { RepositoryPermissions, TargetRepository, TeamPermission, Visibility } from '@saddle/github-client'
import type { SerializedError } from '@saddle/transport'

/** A team by its slug or its id. */
export type TeamName = { slug: string; id?: undefined } | { id: number; slug?: undefined }

/** Which repositories of an organisation to list; all by default. */
export type VisibilityFilter = Partial<Record<Visibility, boolean>>

/** Repositories of an organisation with how many there are of each visibility. */
export interface OrganizationRepositories {
  repositories: TargetRepository[]
  counts: Record<Visibility | 'total', number>
}

/** What the caller can do in an organisation, in numbers. */
export interface OrganizationSummary {
  total: number
  archived: number
  visibility: Record<Visibility, number>
  /** By the highest permission that the caller has; `none` where GitHub does not say. */
  permission: Record<keyof RepositoryPermissions | 'none', number>
}

/** A permission that a team shall have on a repository; `none` takes the repository away from it. */
export interface PermissionChange {
  /** Name of a repository of the organisation. */
  repository: string
  team: TeamName
  permission: TeamPermission | 'none'
}

/** What became of one change. */
export interface PermissionOutcome extends PermissionChange {
  success: boolean
  error?: SerializedError
}

/** What became of many changes, in the order in which they were asked for. */
export interface PermissionReport {
  org: string
  outcomes: PermissionOutcome[]
  successful: number
  failed: number
}

/** What a teams manager reports. */
export type TeamsProgress =
  | { type: 'teams-start'; org: string; total: number }
  | { type: 'team-update'; org: string; index: number; total: number; outcome: PermissionOutcome }
  | { type: 'teams-end'; org: string; total: number; successful: number; failed: number }

/** The manager's events: `progress` is all of them, and each type is an event of its own name as well. */
export type TeamsEvents = { progress: TeamsProgress } & {
  [Type in TeamsProgress['type']]: Extract<TeamsProgress, { type: Type }>
}
