import { z } from 'zod'

export const projectsAnswer = z.object({ projects: z.array(z.string()).describe('Project keys') })

export const repositoriesAnswer = z.object({ repositories: z.array(z.string()).describe('Slugs') })

export const repositoryAnswer = z
  .object({
    slug: z.string(),
    name: z.string(),
    description: z.string().nullable(),
    archived: z.boolean(),
    private: z.boolean(),
    project: z.string().describe('Key of the project'),
    size_bytes: z.number().nullable().describe('Null where the server does not say'),
    default_branch: z.string().nullable().describe('Name without refs/heads/; null where there is none'),
    fork_of: z.string().nullable().describe('PROJECT/slug of what it was forked from'),
  })
  .meta({ id: 'BitbucketRepository' })

export const repositoryListAnswer = z.object({
  repositories: z.array(
    z.object({ slug: z.string(), name: z.string(), description: z.string().nullable(), archived: z.boolean(), private: z.boolean() }),
  ),
  total: z.number().int(),
})
