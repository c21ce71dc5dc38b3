#!/usr/bin/env node
import { exitStatus } from './exit-status.ts'
import { main } from './main.ts'

const controller = new AbortController()
let interrupted = false

// The first asks for a clean end, the second does not wait for it.
const interrupt = () => {
  if (interrupted) process.exit(exitStatus.interrupted)
  interrupted = true
  controller.abort()
}
process.on('SIGINT', interrupt)
process.on('SIGTERM', interrupt)
// A pager that was closed, or a pipe whose reader ended: nobody is left to tell.
process.stdout.on('error', () => process.exit(exitStatus.done))

const status = await main(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  signal: controller.signal,
})
// What a pipe has not taken yet is written before the process ends.
process.stdout.write('', () => process.exit(status))
