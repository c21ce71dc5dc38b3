import { spawn } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { setInterval, clearInterval } from 'node:timers'

/** Runs a program and measures it: wall time, and while it runs the peak memory of its largest process. */
export function run(command, args, { env = {}, cwd } = {}) {
  return new Promise((resolve, reject) => {
    const started = performance.now()
    const child = spawn(command, args, { env: { ...process.env, ...env }, cwd, stdio: ['ignore', 'pipe', 'inherit'] })
    let peakKiB = 0
    const sampler = setInterval(() => (peakKiB = Math.max(peakKiB, largest(child.pid))), 15)
    let output = ''
    child.stdout.on('data', (chunk) => (output += chunk))
    child.on('error', reject)
    child.on('close', (code) => {
      clearInterval(sampler)
      if (code !== 0) return reject(new Error(`${command} ${args.join(' ')} ended with ${code}`))
      resolve({ wallSeconds: (performance.now() - started) / 1000, peakMiB: peakKiB / 1024, output })
    })
  })
}

/** Peak resident memory in KiB of the largest process at or below `root`. */
function largest(root) {
  const parents = new Map()
  const peaks = new Map()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      const status = readFileSync(`/proc/${name}/status`, 'utf8')
      parents.set(Number(name), Number(/^PPid:\s+(\d+)/m.exec(status)?.[1]))
      peaks.set(Number(name), Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0))
    } catch {
      // It has ended since the listing.
    }
  }
  const below = (pid) => pid === root || (parents.has(pid) && below(parents.get(pid)))
  return Math.max(0, ...[...peaks].filter(([pid]) => below(pid)).map(([, kib]) => kib))
}

/** User and system seconds of the children of a bash that ended with `times`. */
export function childrenCpu(output) {
  const last = output.trim().split('\n').at(-1) ?? ''
  return [...last.matchAll(/(\d+)m([\d.]+)s/g)].reduce((sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds), 0)
}

export const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
