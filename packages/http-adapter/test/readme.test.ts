import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { runReadmeExample } from '../../../scripts/readme-example.ts'
import { requiredProgram } from '../../../scripts/required-program.ts'
import { setStage } from './stage.ts'

const hasCurl = requiredProgram('curl', await promisify(execFile)('curl', ['--version']).then(() => true, () => false))

it('the example of the README runs as printed', async () => {
  const { printed } = await runReadmeExample(new URL('../README.md', import.meta.url))
  expect(printed).toEqual([['completed']])
})

it.skipIf(!hasCurl).each(['../README.md', '../../../README.md'])('the curl lines of %s work as printed', async (file) => {
  const readme = await readFile(new URL(file, import.meta.url), 'utf8')
  const script = [...readme.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, code = '']) => code).find((code) => code.includes('curl '))
  await using stage = await setStage()
  const { bitbucket, github } = stage.sandbox
  await bitbucket.createRepository({ project: 'DEMO', slug: 'example' })
  const folder = await mkdtemp(join(tmpdir(), 'saddle-curl-'))
  // The port is the only thing that a test cannot take as it is printed.
  const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', script!.replaceAll('http://127.0.0.1:8000', stage.url)], {
    cwd: folder,
    env: { PATH: process.env['PATH'], SADDLE_BITBUCKET_TOKEN: bitbucket.token, SADDLE_GITHUB_TOKEN: github.token },
  })
  await rm(folder, { recursive: true })
  expect(stdout).toContain('"message":"Authentication successful"')
  expect(stdout).toMatch(/event: migration_update\ndata: \{"status":"completed"/)
  expect(stdout).toContain('"message":"Logged out"')
  expect(github.repository('acme', 'example')).toBeDefined()
})
