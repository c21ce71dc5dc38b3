// Moves one repository through a Saddle server, and follows it to its end whatever happens to the connection.
//
//   SADDLE_URL=http://127.0.0.1:8000 BITBUCKET_USERNAME=ada BITBUCKET_PASSWORD=… GITHUB_TOKEN=… \
//     node examples/migrate-over-http.mjs PROJECT/slug owner/name
//
// It needs nothing but Node. Progress goes to stderr, the record of the migration to stdout; it ends with 0 if all arrived.

const { SADDLE_URL = 'http://127.0.0.1:8000', BITBUCKET_USERNAME, BITBUCKET_PASSWORD, GITHUB_TOKEN } = process.env
const [source = '', target = ''] = process.argv.slice(2)
const [project, repository] = source.split('/')
const [owner, name] = target.split('/')
if (!repository || !name || !BITBUCKET_USERNAME || !BITBUCKET_PASSWORD || !GITHUB_TOKEN) {
  console.error('Usage: node migrate-over-http.mjs PROJECT/slug owner/name (see the top of the file for the environment)')
  process.exit(2)
}

let cookie = ''

/** One request with the session's cookie; an answer that is an error is thrown with what the server says. */
async function call(method, path, body, headers = {}) {
  const response = await fetch(SADDLE_URL + path, {
    method,
    headers: { cookie, 'x-github-token': GITHUB_TOKEN, ...(body ? { 'content-type': 'application/json' } : {}), ...headers },
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
  const [set] = response.headers.getSetCookie()
  if (set) cookie = set.split(';')[0]
  if (response.ok) return response
  const { detail, code } = await response.json()
  throw Object.assign(new Error(`${response.status} ${code}: ${detail}`), { status: response.status })
}

/** The events of a stream: blocks that end with an empty line, each with its fields. */
async function* events(body) {
  let text = ''
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    text += chunk
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const lines = text.slice(0, end).split('\n')
      text = text.slice(end + 2)
      const field = (name) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2)
      // Comments keep the connection alive, and `retry` is for browsers.
      if (field('data')) yield { id: field('id'), event: field('event'), data: JSON.parse(field('data')) }
    }
  }
}

/** Follows a migration: after a break it goes on behind the last event that it has had. Returns the final status. */
async function follow(id) {
  let last = ''
  for (let failures = 0; failures < 20; failures++) {
    try {
      const response = await call('GET', `/api/v1/migration/status/${id}`, undefined, { accept: 'text/event-stream', ...(last && { 'last-event-id': last }) })
      if (response.status === 204) break
      for await (const { id: number, event, data } of events(response.body)) {
        if (event !== 'migration_update') continue
        failures = 0
        last = number
        console.error(`${number}. ${data.progress}% ${data.current_step}: ${data.details.message}`)
        if (['completed', 'failed', 'cancelled'].includes(data.status)) return
      }
    } catch (error) {
      // An answer that says no is final; anything else is a connection that can be made again.
      if (error.status && error.status < 500 && error.status !== 429) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, Math.min(5000, 100 * 2 ** failures)))
    console.error('(connecting again)')
  }
}

try {
  await call('POST', '/api/v1/auth/bitbucket', { username: BITBUCKET_USERNAME, password: BITBUCKET_PASSWORD })
  const wanted = { source: { project, repository }, target: { owner, name, visibility: 'private' }, repository_option: 'new' }
  // The key makes it harmless to run this again when an answer was lost: the same migration is found.
  const started = await call('POST', '/api/v1/migration/start', wanted, { 'idempotency-key': `${source} ${target}` })
  const { migration_id: id } = await started.json()
  await follow(id)
  const record = await (await call('GET', `/api/v1/migration/history/${id}`)).json()
  console.log(JSON.stringify(record, undefined, 2))
  process.exitCode = record.status === 'completed' ? 0 : 1
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
