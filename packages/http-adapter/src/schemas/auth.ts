import { z } from 'zod'

/** What somebody logs in to the source with. */
export const bitbucketLogin = z
  .union([
    z.strictObject({ username: z.string().min(1).max(255), password: z.string().min(1).max(1024) }),
    z.strictObject({ token: z.string().min(1).max(1024).regex(/^[\x21-\x7e]+$/, 'has characters that no token has') }),
  ])
  .meta({ id: 'BitbucketLogin', description: 'A user name and password, or an HTTP access token' })

export const bitbucketLoginAnswer = z.object({
  status: z.literal('success'),
  message: z.string(),
  credentials: z.object({ username: z.string().describe('Empty where the server does not say whose token it is') }),
})

export const githubBeginAnswer = z.object({
  authorization_url: z.url().describe('Where to send the browser'),
  state: z.string().describe('Comes back with the code; bound to this session, good once and for ten minutes'),
})

export const githubCallback = z.strictObject({ code: z.string().min(1).max(1024), state: z.string().min(1).max(200) })

export const successAnswer = z.object({ status: z.literal('success'), message: z.string() })

export const sessionAnswer = z.object({
  authenticated: z.boolean(),
  bitbucket_authenticated: z.boolean(),
  github_authenticated: z.boolean(),
  bitbucket_username: z.string().nullable(),
})
