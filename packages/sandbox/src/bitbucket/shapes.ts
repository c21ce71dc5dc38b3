import type { RefRecord } from '../git/bare-repository.ts'
import type { Project, PullRequest, Repository, User } from './model.ts'

/** Turns the state into the vendor's JSON. */
export class Shapes {
  /** Base URL, context path included. */
  readonly #base: string
  readonly #major: number

  constructor(base: string, version: string) {
    this.#base = base
    this.#major = Number.parseInt(version, 10)
  }

  user(user: User): object {
    const { id, name, slug, displayName, emailAddress, active } = user
    const links = { self: [{ href: `${this.#base}/users/${encodeURIComponent(slug)}` }] }
    return { id, name, slug, displayName, emailAddress, active, type: 'NORMAL', links }
  }

  project(project: Project): object {
    const { id, key, name, description, owner } = project
    const href = `${this.#base}/projects/${encodeURIComponent(key)}`
    return {
      id,
      key,
      name,
      ...(description === undefined ? {} : { description }),
      ...(owner ? { type: 'PERSONAL', owner: this.user(owner) } : { public: project.public, type: 'NORMAL' }),
      links: { self: [{ href }] },
    }
  }

  /** `viewer` is the user whose name the clone link carries. */
  repository(repository: Repository, viewer: User | undefined): object {
    const { id, slug, name, description, origin, project } = repository
    const browse = `${this.#base}/projects/${encodeURIComponent(project.key)}/repos/${encodeURIComponent(slug)}/browse`
    return {
      id,
      slug,
      name,
      ...(description === undefined ? {} : { description }),
      hierarchyId: (origin ?? repository).id.toString(16).padStart(20, '0'),
      scmId: 'git',
      state: 'AVAILABLE',
      statusMessage: 'Available',
      forkable: true,
      ...(origin ? { origin: this.repository(origin, viewer) } : {}),
      project: this.project(project),
      public: repository.public,
      // The field came with archiving itself, in version 8.
      ...(this.#major >= 8 ? { archived: repository.archived } : {}),
      links: { clone: this.#cloneLinks(repository, viewer), self: [{ href: browse }] },
    }
  }

  /** The address of a repository for git, without a user name. */
  cloneUrl(repository: Repository): string {
    const { project, slug } = repository
    return `${this.#base}/scm/${encodeURIComponent(project.key.toLowerCase())}/${encodeURIComponent(slug)}.git`
  }

  branch(ref: RefRecord, defaultBranch: string): object {
    const displayId = ref.name.slice('refs/heads/'.length)
    return {
      id: ref.name,
      displayId,
      type: 'BRANCH',
      latestCommit: ref.commit,
      latestChangeset: ref.commit,
      isDefault: displayId === defaultBranch,
    }
  }

  tag(ref: RefRecord): object {
    return {
      id: ref.name,
      displayId: ref.name.slice('refs/tags/'.length),
      type: 'TAG',
      latestCommit: ref.commit,
      latestChangeset: ref.commit,
      hash: ref.type === 'tag' ? ref.oid : null,
    }
  }

  pullRequest(repository: Repository, pull: PullRequest, viewer: User | undefined): object {
    const ref = (side: PullRequest['fromRef']) => ({
      id: side.id,
      displayId: side.id.replace(/^refs\/(heads|tags)\//, ''),
      latestCommit: side.latestCommit,
      type: 'BRANCH',
      repository: this.repository(repository, viewer),
    })
    const { id, title, description, state, createdDate, updatedDate, closedDate } = pull
    const self = `${this.#base}/projects/${encodeURIComponent(repository.project.key)}/repos/${encodeURIComponent(repository.slug)}/pull-requests/${id}`
    return {
      id,
      version: 1,
      title,
      ...(description === undefined ? {} : { description }),
      state,
      open: state === 'OPEN',
      closed: state !== 'OPEN',
      draft: false,
      createdDate,
      updatedDate,
      ...(closedDate === undefined ? {} : { closedDate }),
      fromRef: ref(pull.fromRef),
      toRef: ref(pull.toRef),
      locked: false,
      author: { user: this.user(pull.author), role: 'AUTHOR', approved: false, status: 'UNAPPROVED' },
      reviewers: [],
      participants: [],
      links: { self: [{ href: self }] },
    }
  }

  #cloneLinks(repository: Repository, viewer: User | undefined): object[] {
    const { project, slug } = repository
    const url = new URL(this.cloneUrl(repository))
    if (viewer) url.username = viewer.name
    const path = `${encodeURIComponent(project.key.toLowerCase())}/${encodeURIComponent(slug)}.git`
    const links = [
      { href: `ssh://git@${url.hostname}:7999/${path}`, name: 'ssh' },
      { href: url.href, name: 'http' },
    ]
    // The order is not fixed on real servers either.
    return repository.id % 2 === 0 ? links : links.reverse()
  }
}
