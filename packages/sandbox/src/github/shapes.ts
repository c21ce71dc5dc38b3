import { levels, atLeast, type Account, type App, type Installation, type Level, type Organization, type Repository, type Team, type User } from './model.ts'

const nodeId = (type: string, id: number): string => Buffer.from(`0${type.length}:${type}${id}`).toString('base64')
const time = (at: number): string => new Date(at).toISOString().replace(/\.\d+Z$/, 'Z')
const epoch = '2020-01-01T00:00:00Z'

const repositoryLinks: Record<string, string> = {
  archive: '/{archive_format}{/ref}', assignees: '/assignees{/user}', blobs: '/git/blobs{/sha}', branches: '/branches{/branch}',
  collaborators: '/collaborators{/collaborator}', comments: '/comments{/number}', commits: '/commits{/sha}',
  compare: '/compare/{base}...{head}', contents: '/contents/{+path}', contributors: '/contributors', deployments: '/deployments',
  downloads: '/downloads', events: '/events', forks: '/forks', git_commits: '/git/commits{/sha}', git_refs: '/git/refs{/sha}',
  git_tags: '/git/tags{/sha}', hooks: '/hooks', issue_comment: '/issues/comments{/number}', issue_events: '/issues/events{/number}',
  issues: '/issues{/number}', keys: '/keys{/key_id}', labels: '/labels{/name}', languages: '/languages', merges: '/merges',
  milestones: '/milestones{/number}', notifications: '/notifications{?since,all,participating}', pulls: '/pulls{/number}',
  releases: '/releases{/id}', stargazers: '/stargazers', statuses: '/statuses/{sha}', subscribers: '/subscribers',
  subscription: '/subscription', tags: '/tags', teams: '/teams', trees: '/git/trees{/sha}',
}

const mergeSettings = {
  allow_squash_merge: true, allow_merge_commit: true, allow_rebase_merge: true, allow_auto_merge: false, delete_branch_on_merge: false,
}

/** GitHub's JSON, with the links that its description demands. */
export class Shapes {
  /** Base of the REST API. */
  readonly api: string
  readonly #web: string

  constructor(api: string, web: string) {
    this.api = api
    this.#web = web
  }

  simpleUser(account: Account) {
    const { login, id } = account
    const api = `${this.api}/users/${login}`
    return {
      login, id, node_id: nodeId('User', id), avatar_url: `${this.#web}/avatars/${id}`, gravatar_id: '', url: api,
      html_url: `${this.#web}/${login}`, followers_url: `${api}/followers`, following_url: `${api}/following{/other_user}`,
      gists_url: `${api}/gists{/gist_id}`, starred_url: `${api}/starred{/owner}{/repo}`, subscriptions_url: `${api}/subscriptions`,
      organizations_url: `${api}/orgs`, repos_url: `${api}/repos`, events_url: `${api}/events{/privacy}`,
      received_events_url: `${api}/received_events`, type: account.kind === 'user' ? 'User' : 'Organization',
      site_admin: account.kind === 'user' && account.siteAdmin,
    }
  }

  user(user: Account) {
    return {
      ...this.simpleUser(user), name: user.login, company: null, blog: '', location: null, email: null, hireable: null, bio: null,
      public_repos: 0, public_gists: 0, followers: 0, following: 0, created_at: epoch, updated_at: epoch,
    }
  }

  viewer(user: User) {
    return {
      ...this.user(user), private_gists: 0, total_private_repos: 0, owned_private_repos: 0, disk_usage: 0, collaborators: 0,
      two_factor_authentication: true,
    }
  }

  organizationSimple({ login, id, description }: Organization) {
    const url = `${this.api}/orgs/${login}`
    return {
      login, id, node_id: nodeId('Organization', id), url, repos_url: `${url}/repos`, events_url: `${url}/events`, hooks_url: `${url}/hooks`,
      issues_url: `${url}/issues`, members_url: `${url}/members{/member}`, public_members_url: `${url}/public_members{/member}`,
      avatar_url: `${this.#web}/avatars/${id}`, description,
    }
  }

  organization(org: Organization) {
    return {
      ...this.organizationSimple(org), name: org.login, has_organization_projects: true, has_repository_projects: true, public_repos: 0,
      public_gists: 0, followers: 0, following: 0, html_url: `${this.#web}/${org.login}`, created_at: epoch, updated_at: epoch,
      archived_at: null, type: 'Organization', members_can_create_repositories: false,
      plan: { name: org.enterprise ? 'enterprise' : 'team', space: 976562499, private_repos: 999999 },
    }
  }

  minimalRepository(repository: Repository, level?: Level) {
    const { id, name, owner } = repository
    const fullName = `${owner.login}/${name}`
    const url = `${this.api}/repos/${fullName}`
    const links = Object.fromEntries(Object.entries(repositoryLinks).map(([key, path]) => [`${key}_url`, url + path]))
    return {
      id, node_id: nodeId('Repository', id), name, full_name: fullName, private: repository.visibility !== 'public',
      owner: this.simpleUser(owner), html_url: `${this.#web}/${fullName}`, description: repository.description, fork: false, url, ...links,
      git_url: `git:${this.#web.replace(/^\w+:/, '')}/${fullName}.git`, ssh_url: `git@${new URL(this.#web).hostname}:${fullName}.git`,
      clone_url: `${this.#web}/${fullName}.git`, svn_url: `${this.#web}/${fullName}`, mirror_url: null, homepage: repository.homepage, language: null,
      forks_count: 0, stargazers_count: 0, watchers_count: 0, size: Math.ceil(repository.size / 1024), default_branch: repository.defaultBranch,
      open_issues_count: 0, is_template: false, topics: repository.topics, has_issues: true, has_projects: true, has_wiki: true, has_pages: false,
      has_downloads: true, has_discussions: false, archived: repository.archived, disabled: false, visibility: repository.visibility,
      pushed_at: time(repository.pushedAt), created_at: time(repository.createdAt), updated_at: time(repository.updatedAt),
      ...(level === undefined ? {} : { permissions: this.permissions(level) }),
    }
  }

  repository(repository: Repository, level: Level) {
    return {
      ...this.minimalRepository(repository, level), forks: 0, open_issues: 0, watchers: 0, license: null, network_count: 0, subscribers_count: 0,
      ...(atLeast(level, 'admin') ? { ...mergeSettings, ...repository.settings } : {}),
    }
  }

  permissions(level: Level): Record<string, boolean> {
    return Object.fromEntries(levels.slice(1).map((one) => [one, atLeast(level, one)]))
  }

  team(org: Organization, team: Team, permission: Level = 'pull') {
    const url = `${this.api}/organizations/${org.id}/team/${team.id}`
    return {
      id: team.id, node_id: nodeId('Team', team.id), name: team.name, slug: team.slug, description: team.description, privacy: team.privacy,
      notification_setting: 'notifications_enabled', permission, url, html_url: `${this.#web}/orgs/${org.login}/teams/${team.slug}`,
      members_url: `${url}/members{/member}`, repositories_url: `${url}/repos`, parent: null, type: 'organization',
      organization_id: org.id, permissions: this.permissions(permission),
    }
  }

  teamFull(org: Organization, team: Team) {
    const { parent, ...rest } = this.team(org, team)
    return {
      ...rest, parent, created_at: epoch, updated_at: epoch, members_count: team.members.size, repos_count: team.permissions.size,
      organization: this.organization(org),
    }
  }

  app(app: App, owner: Account) {
    return {
      id: app.id, slug: app.slug, node_id: nodeId('App', app.id), client_id: app.clientId, owner: this.simpleUser(owner), name: app.slug, description: null,
      external_url: this.#web, html_url: `${this.#web}/apps/${app.slug}`, created_at: epoch, updated_at: epoch, permissions: {}, events: [],
    }
  }

  installation({ id, app, account, permissions }: Installation) {
    return {
      id, client_id: app.clientId, account: this.simpleUser(account), repository_selection: 'all',
      access_tokens_url: `${this.api}/app/installations/${id}/access_tokens`, repositories_url: `${this.api}/installation/repositories`,
      html_url: `${this.#web}/settings/installations/${id}`, app_id: app.id, app_slug: app.slug, target_id: account.id,
      target_type: account.kind === 'user' ? 'User' : 'Organization', permissions, events: [], created_at: epoch, updated_at: epoch,
      single_file_name: null, has_multiple_single_files: false, single_file_paths: [], suspended_by: null, suspended_at: null,
    }
  }
}
