// The load, in a process of its own: many watchers of one stream, or readers that ask as fast as they are answered.
import { Agent, get } from 'node:http'

const job = JSON.parse(process.env.BENCH_JOB)

/** Opens the streams; says when all are open, and what each has seen when all have ended. */
async function watch({ url, cookie, watchers }) {
  const agent = new Agent({ maxSockets: Infinity })
  const lags = []
  let opened = 0
  const ended = Array.from({ length: watchers }, () => new Promise((resolve, reject) => {
    get(url, { agent, headers: { cookie, accept: 'text/event-stream' } }, (response) => {
      if (response.statusCode !== 200) return reject(new Error(`status ${response.statusCode}`))
      if (++opened === watchers) console.log(JSON.stringify({ opened }))
      let text = ''
      let last = 0
      let inOrder = true
      let events = 0
      let status
      response.setEncoding('utf8')
      response.on('data', (chunk) => {
        const now = Date.now()
        text += chunk
        for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
          const block = text.slice(0, end)
          text = text.slice(end + 2)
          if (!block.startsWith('id: ')) continue
          const id = Number(block.slice(4, block.indexOf('\n')))
          inOrder &&= id === last + 1
          last = id
          events++
          const data = JSON.parse(block.slice(block.indexOf('data: ') + 6))
          status = data.status
          const sent = /^\d+ (\d{13})$/.exec(data.details.message)?.[1]
          if (sent && status !== 'completed') lags.push(now - Number(sent))
        }
      })
      response.on('end', () => resolve({ inOrder, events, status }))
      response.on('error', reject)
    }).on('error', reject)
  }))
  const seen = await Promise.all(ended)
  lags.sort((a, b) => a - b)
  const at = (share) => lags[Math.min(lags.length - 1, Math.floor(lags.length * share))]
  return {
    watchers,
    complete: seen.every(({ inOrder, events, status }) => inOrder && status === 'completed' && events === seen[0].events),
    eventsEach: seen[0].events,
    lagMs: { p50: at(0.5), p99: at(0.99), max: lags.at(-1) },
  }
}

/** Asks over some connections for some seconds, one question at a time on each. */
async function read({ url, headers, connections, seconds }) {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const end = performance.now() + seconds * 1000
  let answers = 0
  const ask = () => new Promise((resolve, reject) => {
    get(url, { agent, headers }, (response) => {
      response.resume()
      response.on('end', () => (response.statusCode === 200 ? resolve() : reject(new Error(`status ${response.statusCode}`))))
    }).on('error', reject)
  })
  const started = performance.now()
  await Promise.all(Array.from({ length: connections }, async () => {
    while (performance.now() < end) {
      await ask()
      answers++
    }
  }))
  agent.destroy()
  return { answers, perSecond: Math.round(answers / ((performance.now() - started) / 1000)) }
}

console.log(JSON.stringify(await { watch, read }[job.kind](job)))
