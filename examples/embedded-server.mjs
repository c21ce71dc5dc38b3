// Saddle's HTTP server inside a Fastify application that you have already, on the same port: everything below /api/v1 and
// /health is Saddle's, the rest stays yours.
//
//   SADDLE_BITBUCKET_URL=https://bitbucket.example.com node examples/embedded-server.mjs
import { createServer } from '@saddle/http-adapter'
import { fastify } from 'fastify'

const { SADDLE_BITBUCKET_URL, SADDLE_GITHUB_URL, PORT = '8000' } = process.env

export const app = fastify()
app.get('/', async () => ({ hello: 'from the application around it' }))

const saddle = await createServer({ bitbucket: { baseUrl: SADDLE_BITBUCKET_URL }, github: { baseUrl: SADDLE_GITHUB_URL } })
await saddle.ready()
const isSaddles = (url) => /^\/(api\/v1|health)(\/|\?|$)/.test(url)

// Before the application's own hooks and parsers: a body can be read once.
app.addHook('onRequest', (request, reply, next) => {
  if (!isSaddles(request.url)) return next()
  reply.hijack()
  saddle.routing(request.raw, reply.raw)
})
// Ends event streams, lets running migrations end for a moment; they go on at the next start where the store is durable.
app.addHook('preClose', () => saddle.close())

export const url = await app.listen({ port: Number(PORT), host: '127.0.0.1' })
console.log(`listening on ${url}`)
