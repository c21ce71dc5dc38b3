import type { HttpClient } from './http-client.ts'

/**
 * A repository as git reaches it over HTTP. The two clients hand these out and every git backend takes them; here,
 * because neither may know the other.
 */
export interface GitRemote {
  /** Address of the repository without credentials, for example `https://host/scm/key/slug.git`. */
  readonly url: string
  /** Speaks to the repository's host; authorises each request afresh, also for backends that run programs. */
  readonly http: HttpClient
}
