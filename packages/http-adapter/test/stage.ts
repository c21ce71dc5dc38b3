import { startSandbox, type Sandbox, type SandboxOptions } from '@saddle/sandbox'
import { createServer, type SaddleServer, type ServerOptions } from '../src/index.ts'
import { Caller } from './caller.ts'

/** A source, a target, and a server between them on a port of its own. */
export interface Stage extends AsyncDisposable {
  sandbox: Sandbox
  server: SaddleServer
  url: string
  /** The port that it listens on. */
  port: number
  /** Somebody with a cookie jar, not logged in. */
  caller(): Caller
  /** Somebody who is logged in to the source, and brings the target's token in a header. */
  user(): Promise<Caller>
  /** Another server with the same servers behind it. */
  another(options?: Partial<ServerOptions>): Promise<{ server: SaddleServer; url: string }>
}

export const keys = ['first-session-key-of-the-tests-0123456789']

export interface StageOptions {
  sandbox?: SandboxOptions
  server?: Partial<ServerOptions> | ((sandbox: Sandbox) => Partial<ServerOptions>)
}

/** No wait is real, and none is random. */
const impatient = { baseDelay: 0, maxDelay: 0, random: () => 0, sleep: () => Promise.resolve() }

export async function setStage(options: StageOptions = {}): Promise<Stage> {
  const sandbox = await startSandbox(options.sandbox)
  sandbox.github.createOrganization({ login: 'acme', owners: ['admin'], enterprise: true })
  const servers: SaddleServer[] = []
  const another = async (more: Partial<ServerOptions> = {}) => {
    const given = typeof options.server === 'function' ? options.server(sandbox) : options.server
    const { github, ...rest } = { ...given, ...more }
    const server = await createServer({
      bitbucket: { baseUrl: sandbox.bitbucket.url, retry: impatient },
      github: { baseUrl: sandbox.github.url, gitUrl: sandbox.github.webUrl, retry: impatient, ...github },
      ...rest,
    })
    servers.push(server)
    return { server, url: await server.listen({ port: 0, host: '127.0.0.1' }) }
  }
  const { server, url } = await another()
  const caller = () => new Caller(url)
  return {
    sandbox,
    server,
    url,
    port: Number(new URL(url).port),
    caller,
    another,
    async user() {
      const somebody = caller()
      somebody.headers['x-github-token'] = sandbox.github.token
      await somebody.login(sandbox)
      return somebody
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(servers.map((one) => one.close()))
      await sandbox.close()
    },
  }
}
