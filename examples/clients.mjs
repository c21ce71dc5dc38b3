// The two servers, as the other examples of this folder use them: addresses and tokens come from the environment.
import { BitbucketClient, GitHubClient } from '@saddle/core'

const { SADDLE_BITBUCKET_URL, SADDLE_BITBUCKET_TOKEN, SADDLE_GITHUB_URL, SADDLE_GITHUB_TOKEN } = process.env

export const bitbucket = new BitbucketClient({ baseUrl: SADDLE_BITBUCKET_URL, auth: { token: SADDLE_BITBUCKET_TOKEN } })
export const github = new GitHubClient({ baseUrl: SADDLE_GITHUB_URL, auth: { token: SADDLE_GITHUB_TOKEN } })

/** Without this the kept-alive connections hold the process for a few seconds more. */
export const closeClients = () => Promise.all([bitbucket.close(), github.close()])
