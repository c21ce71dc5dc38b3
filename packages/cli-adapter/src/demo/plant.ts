import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { NewRepository, Sandbox } from '@saddle/sandbox'
import { git, refsOf, type GitOptions } from './git.ts'

/** The project at the source, and the owner at the target. */
export const [project, owner] = ['DEMO', 'acme']

type Planted = Omit<NewRepository, 'project'>

/** Named as nobody expects, all of them valid: as options, commands, prototypes, and what turns the writing direction. */
const oddBranches = ['-x', '$(id)', '__proto__', '🌭', '%0d%0a', 'a\u202eb', '<script>']

/**
 * Fills the source: this project's own history where it is at hand, and generated repositories with what is unusual.
 *
 * @returns the slugs, in the order they were made
 */
export async function plant({ bitbucket, github }: Sandbox, options: Omit<GitOptions, 'cwd'>): Promise<string[]> {
  github.createOrganization({ login: owner })
  bitbucket.createProject({ key: project, name: 'Demonstration' })
  const create = (repository: Planted) => {
    options.signal?.throwIfAborted()
    return bitbucket.createRepository({ project, ...repository })
  }
  const slugs: string[] = []

  const own = await ownHistory(options)
  if (own !== undefined) {
    await create({ slug: 'saddle', description: "This project's own history", labels: ['typescript', 'migration'], seed: { from: own } })
    slugs.push('saddle')
  }
  const generated: Planted[] = [
    { slug: 'large', description: 'About 50 MB of history', seed: { commits: 5000, blobSize: 10_000, branches: 12, tags: 20 } },
    { slug: 'many-refs', description: 'Hundreds of branches and tags, and notes', seed: { commits: 300, branches: 300, tags: 300, notes: true } },
    { slug: 'odd-names', description: 'Branches named as nobody expects', labels: ['C++', 'edge cases'], seed: { commits: 5 } },
    { slug: 'archived', description: 'No longer changed', archived: true, seed: { commits: 20, tags: 2 } },
    { slug: 'empty', description: 'Nothing yet', seed: { empty: true } },
  ]
  for (const repository of generated) {
    const { path } = await create(repository)
    slugs.push(repository.slug)
    if (repository.slug !== 'odd-names') continue
    for (const name of oddBranches) await git(['update-ref', `refs/heads/${name}`, 'refs/heads/main'], { ...options, cwd: path })
  }
  await bitbucket.createPullRequest({ project, slug: 'many-refs', title: 'A change under review', from: 'branch-1', to: 'main' })
  return slugs
}

/** Makes a commit at the source, behind Saddle's back. */
export async function commitAtSource({ bitbucket }: Sandbox, slug: string, options: Omit<GitOptions, 'cwd'>): Promise<void> {
  const here = { ...options, cwd: bitbucket.repositoryPath(project, slug) }
  await git(['update-ref', 'HEAD', await git(['commit-tree', '-p', 'HEAD', '-m', 'One more change', 'HEAD^{tree}'], here)], here)
}

/** The checkout of this project that this file belongs to, if it is one with a whole history. Never somebody else's. */
async function ownHistory(options: Omit<GitOptions, 'cwd'>): Promise<string | undefined> {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, '.git'))) {
    if (folder === dirname(folder)) return undefined
    folder = dirname(folder)
  }
  try {
    const { name } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name?: unknown }
    if (name !== 'saddle') return undefined
    const here = { ...options, cwd: folder }
    // The history of a shallow clone has an end that no server would serve; one of a detached head may have no branch.
    if ((await git(['rev-parse', '--is-shallow-repository'], here)) !== 'false') return undefined
    return (await refsOf(here)).includes(' refs/heads/') ? folder : undefined
  } catch {
    return undefined
  }
}
