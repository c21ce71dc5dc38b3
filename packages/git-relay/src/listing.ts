import { SaddleError, type CallOptions, type ErrorCode, type GitRemote, type HttpClient } from '@saddle/transport'
import { readAdvertisement, type Advertisement } from './advertisement.ts'
import { askAgain, getAdvertisement, postUploadPack, readAnswer } from './git-http.ts'
import { lsRefsRequest, readLsRefs } from './ls-refs.ts'
import type { ObjectFormat, RefListing } from './refs.ts'

/** Options of {@link listSourceRefs}. */
export interface ListSourceOptions extends CallOptions {
  /** Only refs that begin with one of these; all by default. */
  prefixes?: readonly string[]
}

/**
 * What a client was found to speak. A host does not change its protocol between two repositories, and a listing that
 * knows it saves a request. Kept by client, so that nothing outlives it or reaches another.
 */
const spoken = new WeakMap<HttpClient, RefListing['protocol']>()
/** What a client's host was found to filter; a setting of the server, not of a repository. */
const filtering = new WeakMap<HttpClient, boolean>()

/** Which protocol a source speaks: what was found at an earlier request of its client, else it is asked. */
export async function discoverProtocol(remote: GitRemote, { signal }: CallOptions): Promise<RefListing['protocol']> {
  return spoken.get(remote.http) ?? (await readDiscovery(remote, { signal })).protocol
}

/** Whether a source leaves out objects on request (`fetchFiltered`). Asked once for each client. */
export async function canFilter(remote: GitRemote, { signal }: CallOptions = {}): Promise<boolean> {
  if (!filtering.has(remote.http)) await readDiscovery(remote, { signal, prefixes: [] })
  return filtering.get(remote.http) ?? false
}

/**
 * Lists the refs of a repository to fetch from, in one request where the server speaks version 2: `ls-refs` is sent
 * without asking first. Anything but an answer to it leads to the ordinary discovery, in versions 0 to 2.
 *
 * @throws SaddleError `AUTHENTICATION_FAILED`, `FORBIDDEN`, `NOT_FOUND`, …; `PROTOCOL_ERROR` when it is no git server
 */
export async function listSourceRefs(remote: GitRemote, options: ListSourceOptions = {}): Promise<RefListing> {
  if ((spoken.get(remote.http) ?? 2) === 2) {
    try {
      return await lsRefs(remote, options, 'sha1', false)
    } catch (error) {
      if (!SaddleError.is(error) || !discoveryMayHelp.has(error.code)) throw error
    }
  }
  return discover(remote, options)
}

/**
 * Lists the refs of a repository to push to, in one request. Refs that it hides (GitHub: `refs/pull/`) are not told.
 *
 * @throws SaddleError as {@link listSourceRefs}; `NOT_FOUND` also for a moment after a repository was created
 */
export async function listTargetRefs(remote: GitRemote, { signal }: CallOptions = {}): Promise<RefListing> {
  const advertisement = await askAgain(async () => {
    const body = await getAdvertisement(remote, 'git-receive-pack', { signal })
    return readAnswer(remote, body, signal, (reader) => readAdvertisement(reader, () => true))
  })
  if ('refs' in advertisement) return advertisement
  throw new SaddleError('PROTOCOL_ERROR', 'The target answers in version 2 of the git protocol, which has no push.')
}

/** An old server fails in its own way at a version 2 command: an error, an empty answer, an `ERR` line. */
const discoveryMayHelp: ReadonlySet<ErrorCode> = new Set(['PROTOCOL_ERROR', 'UPSTREAM_ERROR', 'NETWORK', 'TIMEOUT', 'RATE_LIMITED', 'CONFLICT'])

async function discover(remote: GitRemote, options: ListSourceOptions): Promise<RefListing> {
  const advertisement = await readDiscovery(remote, options)
  if ('refs' in advertisement) return advertisement
  const format = advertisement.capabilities.get('object-format') === 'sha256' ? 'sha256' : 'sha1'
  return askAgain(() => lsRefs(remote, options, format, true))
}

async function readDiscovery(remote: GitRemote, options: ListSourceOptions): Promise<Advertisement> {
  const advertisement = await askAgain(async () => {
    const body = await getAdvertisement(remote, 'git-upload-pack', { signal: options.signal, protocol: 2 })
    return readAnswer(remote, body, options.signal, (reader) => readAdvertisement(reader, chosenBy(options)))
  })
  spoken.set(remote.http, advertisement.protocol)
  const { protocol, capabilities } = advertisement
  filtering.set(remote.http, protocol === 2 && (capabilities.get('fetch') ?? '').split(' ').includes('filter'))
  return advertisement
}

async function lsRefs(remote: GitRemote, options: ListSourceOptions, format: ObjectFormat, repeat: boolean): Promise<RefListing> {
  const request = lsRefsRequest(options.prefixes, format)
  const body = await postUploadPack(remote, request, { signal: options.signal, protocol: 2, repeat })
  const listing = await readAnswer(remote, body, options.signal, (reader) => readLsRefs(reader, format, chosenBy(options)))
  spoken.set(remote.http, 2)
  return listing
}

/** Prefixes are a hint to the server, in version 2 only; here they are a rule. */
const chosenBy =
  ({ prefixes }: ListSourceOptions) =>
  (ref: string): boolean =>
    prefixes?.some((prefix) => ref.startsWith(prefix)) ?? true
