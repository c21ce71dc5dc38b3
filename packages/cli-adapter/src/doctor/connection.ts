import { lookup } from 'node:dns/promises'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect, isIP, type Socket } from 'node:net'
import { SaddleError, withPublicAuthorities } from '@saddle/core'
import type { ConnectionSettings } from '../environment.ts'
import { duration } from '../render/format.ts'
import { bad, good, warning, type Finding } from './check.ts'

const patienceMs = 10_000
/** GitHub Apps sign with this machine's time; GitHub refuses what is a minute off. */
const toleratedSkewMs = 30_000

/**
 * Goes the way to a server step by step: name, port, certificate, time. Ends at the first step that fails, since what
 * follows could only fail for the same reason.
 *
 * @returns whether the way is free
 */
export async function* checkConnection(
  server: string,
  baseUrl: string,
  { ca, proxy }: ConnectionSettings,
  signal: AbortSignal | undefined,
): AsyncGenerator<Finding, boolean> {
  const url = new URL(baseUrl)
  if (proxy !== undefined) {
    // The way is the proxy's; whether it leads anywhere shows with the first request.
    yield good(`${server} address`, `${url.host}, reached through the proxy ${new URL(proxy).host} unless NO_PROXY names it`)
    return true
  }
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80))
  try {
    const { address } = await lookup(host)
    if (isIP(host) === 0) yield good(`${server} address`, `${host} is ${address}`)
  } catch (error) {
    yield bad(`${server} address`, `the name ${host} cannot be resolved (${codeOf(error)})`, `Check the spelling of ${variableOf(server)}, this machine's DNS, and whether a VPN or HTTPS_PROXY is needed.`)
    return false
  }
  try {
    const started = performance.now()
    ;(await connected(host, port, signal)).destroy()
    yield good(`${server} connection`, `${host} answers on port ${port} after ${duration(performance.now() - started)}`)
  } catch (error) {
    if (signal?.aborted) throw SaddleError.from(error)
    yield bad(`${server} connection`, `${host} does not answer on port ${port} (${codeOf(error)})`, 'Check address and port, that the server is running, firewalls, and whether HTTPS_PROXY is needed.')
    return false
  }
  try {
    const { date, certificate } = await headOf(url, ca, signal)
    if (certificate) yield good(`${server} certificate`, certificate)
    const skew = date === undefined ? 0 : Date.now() - date
    if (Math.abs(skew) > toleratedSkewMs) {
      yield warning(`${server} time`, `this machine's clock is ${duration(Math.abs(skew))} ${skew > 0 ? 'ahead of' : 'behind'} the server's`, 'Set the clock (NTP): certificates and the tokens of GitHub Apps depend on it.')
    } else if (date !== undefined) yield good(`${server} time`, 'the clocks agree')
  } catch (error) {
    if (signal?.aborted) throw SaddleError.from(error)
    const code = codeOf(error)
    if (!/CERT|SSL|TLS|SIGNED|ISSUER|VERIFY/.test(code)) {
      yield bad(`${server} connection`, `${url.host} does not speak ${url.protocol.slice(0, -1).toUpperCase()} there (${code})`, `Check the scheme and the port in ${variableOf(server)}.`)
      return false
    }
    yield bad(`${server} certificate`, `it is not trusted (${code})`, remedyOf(code, url.host))
    return false
  }
  return true
}

function remedyOf(code: string, host: string): string {
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return `It is for another name than ${host}. Use the name that it is for.`
  if (code === 'CERT_HAS_EXPIRED') return 'It has expired. Ask the administrators of the server for a new one, and check the clock of this machine.'
  return 'If a private authority signed it, put the certificate of that authority into a file, as PEM, and name the file with SADDLE_CA_FILE.'
}

function connected(host: string, port: number, signal: AbortSignal | undefined): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: patienceMs, ...(signal ? { signal } : {}) })
    socket.once('connect', () => resolve(socket))
    socket.once('error', reject)
    socket.once('timeout', () => socket.destroy(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' })))
  })
}

/** What the head of any answer tells. No credentials are sent. */
function headOf(url: URL, ca: string | undefined, signal: AbortSignal | undefined): Promise<{ date: number | undefined; certificate: string | undefined }> {
  return new Promise((resolve, reject) => {
    const options = { method: 'HEAD', agent: false, timeout: patienceMs, headers: { 'user-agent': 'saddle' }, ...(signal ? { signal } : {}) } as const
    const answered = (answer: IncomingMessage) => {
      const date = Date.parse(answer.headers.date ?? '')
      const certificate = 'getPeerCertificate' in answer.socket ? describe(answer.socket as never) : undefined
      answer.destroy()
      resolve({ date: Number.isNaN(date) ? undefined : date, certificate })
    }
    const request = url.protocol === 'https:'
      ? httpsRequest(url, { ...options, ...(ca === undefined ? {} : { ca: withPublicAuthorities([ca]) }) }, answered)
      : httpRequest(url, options, answered)
    request.once('error', reject)
    request.once('timeout', () => request.destroy(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' })))
    request.end()
  })
}

function describe(socket: { getPeerCertificate(): { issuer?: { O?: string; CN?: string }; valid_to?: string } }): string {
  const { issuer, valid_to: until } = socket.getPeerCertificate()
  return `trusted, issued by ${issuer?.O ?? issuer?.CN ?? 'an unnamed authority'}, valid until ${until ?? 'an unknown day'}`
}

const variableOf = (server: string): string => `SADDLE_${server.toUpperCase()}_URL`

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? 'unknown reason'
