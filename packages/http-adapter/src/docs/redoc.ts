import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { FastifyInstance } from 'fastify'
import { documentationPolicy } from './policy.ts'

const page = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Saddle: API reference</title></head>
<body><div id="redoc"></div><script src="/redoc/redoc.js"></script><script src="/redoc/start.js"></script></body>
</html>
`

// Its search would run in a worker made of a blob, which the policy has no room for.
const start = `Redoc.init('/api/v1/openapi.json', { disableSearch: true, hideLoading: true }, document.getElementById('redoc'))\n`

/** The reference for reading, at /redoc. Its script is served from here; nothing is loaded from elsewhere. */
export function registerRedoc(app: FastifyInstance): void {
  let bundle: Promise<Buffer> | undefined
  const schema = { hide: true }
  app.get('/redoc', { schema }, async (_request, reply) => {
    return reply.header('content-security-policy', documentationPolicy).type('text/html; charset=utf-8').send(page)
  })
  app.get('/redoc/start.js', { schema }, async (_request, reply) => reply.type('text/javascript; charset=utf-8').send(start))
  app.get('/redoc/redoc.js', { schema }, async (_request, reply) => {
    bundle ??= readBundle()
    return reply.header('cache-control', 'public, max-age=3600').type('text/javascript; charset=utf-8').send(await bundle)
  })
}

/** In the published package the build has put the bundle beside the code; in the sources it comes from where it was installed. */
async function readBundle(): Promise<Buffer> {
  try {
    return await readFile(new URL('./redoc.standalone.js', import.meta.url))
  } catch {
    return readFile(createRequire(import.meta.url).resolve('redoc/bundles/redoc.standalone.js'))
  }
}
