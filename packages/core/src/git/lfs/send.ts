import { HttpClient, SaddleError, statusError, type FailedAnswer, type GitRemote, type Headers, type HttpAnswer, type HttpRequest } from '@saddle/transport'
import type { LfsAction, LfsBatchObject } from './batch.ts'

/** Headers that belong to a connection; a link that names them does not get to decide. */
const ofConnection = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length', 'upgrade', 'expect', 'host', 'te', 'trailer'])

/**
 * Sends requests to the links that one server's batch answers give. Credentials of ours go only to the server's own
 * origin, and only where the answer brings none; any other host gets exactly what the answer says.
 */
export class LinkSender {
  readonly #remote: GitRemote
  readonly #clients = new Map<string, HttpClient>()

  constructor(remote: GitRemote) {
    this.#remote = remote
  }

  /** @throws ADDRESS_NOT_ALLOWED for a link that leaves TLS, is none, or leads to a host that the operator does not allow */
  send({ authenticated }: LfsBatchObject, { href, header }: LfsAction, request: HttpRequest): Promise<HttpAnswer> {
    const url = this.#parse(href)
    const given: Headers = {}
    for (const [name, value] of Object.entries(header ?? {})) if (!ofConnection.has(name.toLowerCase())) given[name.toLowerCase()] = value
    const ours = url.origin === this.#remote.http.baseUrl.origin && !given['authorization'] && !authenticated
    return this.#client(url, ours).request(url, { ...request, headers: { ...request.headers, ...given }, errorOf: withoutText })
  }

  /** Links are tried once: whoever tries again asks for new ones first. */
  #client({ origin }: URL, ours: boolean): HttpClient {
    const key = `${ours} ${origin}`
    const known = this.#clients.get(key)
    if (known) return known
    const { http } = this.#remote
    const client = new HttpClient({
      baseUrl: origin,
      dispatcher: http.dispatcher,
      redactor: http.redactor,
      allowedHosts: http.allowedHosts,
      retry: { attempts: 1 },
      ...(origin === http.baseUrl.origin ? { budget: http.budget } : {}),
      ...(ours ? { authorize: ({ signal }) => http.authorization(signal) } : {}),
    })
    this.#clients.set(key, client)
    return client
  }

  #parse(href: string): URL {
    const { baseUrl } = this.#remote.http
    const url = URL.canParse(href) ? new URL(href) : undefined
    const downgraded = url?.protocol === 'http:' && baseUrl.protocol === 'https:'
    const web = url?.protocol === 'https:' || url?.protocol === 'http:'
    if (url && web && !downgraded && !url.username && !url.password) return url
    throw new SaddleError(
      'ADDRESS_NOT_ALLOWED',
      `The Git LFS server of ${baseUrl.host} gives a link that is not followed: ${downgraded ? 'it leaves TLS' : 'it is not a plain http address'}.`,
      { context: { host: baseUrl.host } },
    )
  }
}

/** What a storage says can repeat the signature of the link, which nobody could take out of a text. */
const withoutText = (answer: FailedAnswer): SaddleError => statusError({ ...answer, text: '' })
