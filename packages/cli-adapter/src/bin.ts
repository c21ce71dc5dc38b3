#!/usr/bin/env node
import { setMaxListeners } from 'node:events'
import { exitStatus } from './exit-status.ts'
import { main } from './main.ts'

const { stdout, stderr } = process
const controller = new AbortController()
// Everything that runs listens to it.
setMaxListeners(0, controller.signal)

// The first asks for a clean end, the second does not wait for it.
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => {
    if (controller.signal.aborted) process.exit(exitStatus.interrupted)
    controller.abort()
  })
}

// A pager was closed, or the reader of a pipe ended: nobody is left to tell, so the work ends as after a Ctrl-C.
let unread = false
stdout.on('error', () => {
  unread = true
  controller.abort()
})
stderr.on('error', () => undefined)

// Bars hide the cursor and do not wrap lines; however the process ends, both come back.
process.on('exit', () => {
  if (stdout.isTTY) stdout.write('\u001b[?25h\u001b[?7h')
})

const status = await main(process.argv.slice(2), {
  stdout,
  stderr: {
    write: (text: string) => unread || stderr.write(text),
    get isTTY() {
      return stderr.isTTY
    },
    get columns() {
      return stderr.columns
    },
  },
  env: process.env,
  signal: controller.signal,
})
// What a pipe has not taken yet is written before the process ends.
stdout.write('', () => stderr.write('', () => process.exit(status)))
