import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Capture } from './capture.ts'
import { Stage } from './stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await Stage.open()
  stage.sandbox.bitbucket.createUser({ name: 'ada', password: 'secret-of-ada' })
afterAll(() => stage.close())
})

const repository = (slug: string, options: object = {}) =>
  stage.sandbox.bitbucket.createRepository({ project: 'PROJ', slug, seed: { commits: 8, branches: 3, tags: 4, notes: true }, ...options })

const unsafe = (requests: readonly { method: string; path: string }[]) =>
  requests.filter(({ method, path }) => !['GET', 'HEAD'].includes(method) && !/git-upload-pack|info\/lfs\/objects\/batch/.test(path))

describe('saddle migrate', () => {
  it('moves a repository and tells the story in plain lines, then in a table', async () => {
    await repository('app', { description: 'An application' })
    const { status, stdout, stderr } = await stage.run(['migrate', 'PROJ/app', '--to', 'acme/app-new'])
    expect(stderr.text).toBe('')
    expect(status).toBe(0)
    expect(stdout.text).not.toContain('\x1b')
    expect(stdout.lines[0]).toBe('PROJ/app: starting: PROJ/app → acme/app-new')
    expect(stdout.text).toMatch(/^PROJ\/app: step 4\/7 transfer-git: done in /m)
    expect(stdout.text).toMatch(/^✓ +PROJ\/app +acme\/app-new +8 +\d+ +[\d.]+ KiB/m)
    expect(stdout.text).toContain('Refs: 8 created. 8 refs read back from the target and equal, hash for hash.')
    expect(await stage.clonedRefs('app-new')).toBe(await stage.sourceRefs('app'))
  })

  it('tells of Git LFS objects, and of those that are missing', async () => {
    await repository('assets', { lfs: true, seed: { commits: 2, lfs: { count: 4, size: 2048, missing: 1 } } })
    const planned = await stage.run(['plan', 'PROJ/assets', '--to', 'acme'])
    expect(planned.stdout.text).toContain('Move those of 4 Git LFS objects')
    expect(planned.stdout.text).toContain('(LFS_OBJECTS_MISSING)')
    const { status, stdout } = await stage.run(['migrate', 'PROJ/assets', '--to', 'acme'])
    expect(status).toBe(0)
    expect(stdout.text).toContain('Git LFS: 3 objects sent (6.0 KiB), 1 could not be had from the source.')
    expect(stdout.text).toMatch(/not migrated: (objects\/\d\.bin \()?[0-9a-f]{64}/)
    const again = await stage.run(['migrate', 'PROJ/assets', '--to', 'acme'])
    expect(again.stdout.text).toContain('Git LFS: 3 were there, 1 could not be had from the source.')
  })

  it('sends only what is new when it is run again', async () => {
    await repository('again')
    await stage.run(['migrate', 'PROJ/again', '--to', 'acme'])
    await stage.commit('again')
    const { status, stdout } = await stage.run(['migrate', 'PROJ/again', '--to', 'acme', '--json'])
    expect(status).toBe(0)
    expect(stdout.json.at(-1)).toMatchObject({ refs: { updated: 1, created: 0, unchanged: 7 }, transferred: { objects: 1 } })
    expect(await stage.clonedRefs('again')).toBe(await stage.sourceRefs('again'))
  })

  it('moves the objects by the backend that --git names, and takes no other name', async () => {
    await repository('by-choice')
    const { status, stdout } = await stage.run(['migrate', 'PROJ/by-choice', '--to', 'acme', '--git', 'isomorphic', '--json'])
    expect([status, stdout.json.at(-1)]).toMatchObject([0, { gitBackend: { name: 'isomorphic', reason: 'The request names it.' }, refs: { created: 8 } }])
    expect(await stage.clonedRefs('by-choice')).toBe(await stage.sourceRefs('by-choice'))
    const wrong = await stage.run(['migrate', 'PROJ/by-choice', '--to', 'acme', '--git', 'svn'])
    expect([wrong.status, wrong.stderr.text]).toEqual([2, expect.stringContaining('auto, relay, native, isomorphic')])
  })

  it('prints with --json events alone, one a line, and the report last', async () => {
    await repository('json')
    const stdout = new Capture({ isTTY: true })
    const { status } = await stage.run(['migrate', 'PROJ/json', '--to', 'acme', '--json'], { stdout })
    expect(status).toBe(0)
    const lines = stdout.json
    expect(lines.map(({ seq }) => seq as number).slice(0, -1)).toEqual(lines.slice(0, -1).map((_, index) => index + 1))
    expect(lines[0]).toMatchObject({ type: 'migration-start', source: 'PROJ/json', target: 'acme/json' })
    expect(lines.at(-2)).toMatchObject({ type: 'migration-end', status: 'completed' })
    expect(lines.at(-1)).toMatchObject({ type: 'report', status: 'completed', refs: { verified: 8, rejected: [] }, losses: [] })
  })

  it('shows bars on a terminal and leaves none behind', async () => {
    await repository('bars')
    const stdout = new Capture({ isTTY: true, columns: 140 })
    const { status } = await stage.run(['migrate', 'PROJ/bars', '--to', 'acme'], { stdout })
    expect(status).toBe(0)
    expect(stdout.text).toMatch(/PROJ\/bars → acme\/bars {2}(?:\x1b\[\d+m|[█░])+ +\d+%/)
    const after = stdout.text.slice(stdout.text.lastIndexOf('\x1b[?25h'))
    expect(after).not.toContain('░')
    expect(after).toContain('│ acme/bars')
  })

  it('takes personal projects, names, visibility, description and namespaces', async () => {
    stage.sandbox.bitbucket.createProject({ key: '~ada' })
    await stage.sandbox.bitbucket.createRepository({ project: '~ada', slug: 'mine', seed: { commits: 2, tags: 3 } })
    const argv = ['migrate', '~ada/mine', '--to', 'acme/from-ada', '--visibility', 'public', '--description', 'Her own', '--namespace', 'refs/tags/', '--json']
    const { status, stdout } = await stage.run(argv)
    expect(status).toBe(0)
    expect(stage.sandbox.github.repository('acme', 'from-ada')).toMatchObject({ visibility: 'public', description: 'Her own' })
    expect((await stage.clonedRefs('from-ada')).split('\n')).toHaveLength(3)
    expect(stdout.json.at(-1)?.['losses']).toEqual([expect.objectContaining({ kind: 'ref-namespace', subject: 'refs/heads/' })])
  })

  it('says so when refs are refused, and that the others are there', async () => {
    await repository('partly')
    const stop = stage.sandbox.github.rejectRefs({ owner: 'acme', name: 'partly', ref: 'refs/tags/v2', reason: 'tag\x1b[2J refused' })
    const { status, stdout, stderr } = await stage.run(['migrate', 'PROJ/partly', '--to', 'acme'])
    expect(status).toBe(3)
    expect(stdout.text).toMatch(/^refused: refs\/tags\/v2: .*\(REF_REJECTED\)$/m)
    expect(stdout.text).not.toContain('\x1b')
    expect(stderr.lines[0]).toMatch(/^error: acme\/partly refused 1 ref: refs\/tags\/v2\..*\(REF_REJECTED\)$/)
    const id = /^Go on with: saddle retry (\S+)$/.exec(stderr.lines[1] ?? '')?.[1]
    stop()
    const again = await stage.run(['retry', id ?? ''])
    expect(again.status).toBe(0)
    expect(await stage.clonedRefs('partly')).toBe(await stage.sourceRefs('partly'))
  })

  it('ends --json with the report of what failed, too', async () => {
    await repository('failed')
    const stop = stage.sandbox.github.rejectRefs({ owner: 'acme', name: 'failed', ref: /./, reason: 'closed for the weekend' })
    const { status, stdout } = await stage.run(['migrate', 'PROJ/failed', '--to', 'acme', '--json'])
    stop()
    expect(status).toBe(1)
    expect(stdout.json.at(-1)).toMatchObject({ type: 'report', status: 'failed', error: { code: 'REF_REJECTED' } })
  })

  it('says that it waits, and in the end that another run has the target', async () => {
    await repository('busy')
    const controller = new AbortController()
    const hold = stage.sandbox.github.fault({ path: '/acme/busy.git/git-receive-pack', method: 'POST', times: 10, action: { stall: true } })
    const first = stage.run(['migrate', 'PROJ/busy', '--to', 'acme'], { signal: controller.signal })
    await hold.fired
    const { status, stdout, stderr } = await stage.run(['migrate', 'PROJ/busy', '--to', 'acme'])
    controller.abort()
    hold.remove()
    expect([status, stdout.lines]).toEqual([1, [expect.stringMatching(/^Waiting until the target is free/)]])
    expect(stderr.lines).toEqual([expect.stringMatching(/^error: A migration to acme\/busy is running\..*\(MIGRATION_RUNNING\)$/)])
    expect((await first).status).toBe(130)
  })

  it('cancels cleanly when it is interrupted, says what is left, and goes on later', async () => {
    await repository('stopped')
    const controller = new AbortController()
    const fault = stage.sandbox.github.fault({ path: '/acme/stopped.git/git-receive-pack', method: 'POST', times: 10, action: { stall: true } })
    void fault.fired.then(() => controller.abort())
    const { status, stdout, stderr } = await stage.run(['migrate', 'PROJ/stopped', '--to', 'acme'], { signal: controller.signal })
    fault.remove()
    expect(status).toBe(130)
    expect(stdout.text).toContain('Cancelling. A second Ctrl-C ends at once.')
    expect(stderr.lines[0]).toMatch(/^cancelled: .*acme\/stopped, which Saddle created, stays at the target.*\(ABORTED\)$/)
    const id = /saddle retry (\S+)$/.exec(stderr.text.trim())?.[1] ?? ''
    expect((await stage.run(['history', '--status', 'cancelled'])).stdout.text).toContain(id)
    expect((await stage.run(['retry', id])).status).toBe(0)
    expect(await stage.clonedRefs('stopped')).toBe(await stage.sourceRefs('stopped'))
  })
})

describe('saddle plan', () => {
  it('says what would happen and writes nothing anywhere', async () => {
    await repository('planned', { labels: ['C++'], archived: true })
    const { bitbucket, github } = stage.sandbox
    bitbucket.clearRequests()
    github.clearRequests()
    const { status, stdout } = await stage.run(['plan', 'PROJ/planned', '--to', 'acme'])
    expect(status).toBe(0)
    expect(stdout.text).toContain('PROJ/planned → acme/planned (to be created)')
    expect(stdout.text).toContain('Refs: 8 to create')
    expect(stdout.text).toContain('not migrated: C++')
    expect(stdout.text).toContain('✓ Nothing is in the way. 1 thing would not arrive; nothing was written.')
    expect(unsafe([...bitbucket.requests, ...github.requests])).toEqual([])
    expect(github.repository('acme', 'planned')).toBeUndefined()
  })

  it('fails when something is in the way, and names it', async () => {
    await repository('taken')
    await stage.sandbox.github.createRepository({ owner: 'acme', name: 'taken' })
    const text = await stage.run(['plan', 'PROJ/taken', '--to', 'acme'])
    expect(text.status).toBe(1)
    expect(text.stdout.text).toMatch(/^✗ acme\/taken exists already .*--existing.* \(ALREADY_EXISTS\)$/m)
    const json = await stage.run(['plan', 'PROJ/taken', '--to', 'acme', '--json'])
    expect(json.stdout.json).toEqual([expect.objectContaining({ type: 'report', problems: [expect.objectContaining({ code: 'ALREADY_EXISTS' })] })])
  })
})

describe('saddle verify', () => {
  it('finds both sides equal, and names the ref that is not', async () => {
    await repository('checked')
    await stage.run(['migrate', 'PROJ/checked', '--to', 'acme'])
    const equal = await stage.run(['verify', 'PROJ/checked', '--to', 'acme'])
    expect([equal.status, equal.stdout.text]).toEqual([0, '✓ 8 refs equal, hash for hash.\n'])
    await stage.commit('checked')
    const different = await stage.run(['verify', 'PROJ/checked', '--to', 'acme'])
    expect(different.status).toBe(1)
    expect(different.stdout.lines).toEqual(['different: refs/heads/main', '✗ Not equal: 0 missing, 1 different, 0 only at the target.'])
    const json = await stage.run(['verify', 'PROJ/checked', '--to', 'acme', '--json'])
    expect(json.stdout.json).toEqual([expect.objectContaining({ type: 'report', equal: false, different: ['refs/heads/main'] })])
  })
})

describe('saddle history, logs and cancel', () => {
  it('remember what was done', async () => {
    await repository('remembered')
    await stage.run(['migrate', 'PROJ/remembered', '--to', 'acme'])
    const listed = await stage.run(['history', '--limit', '1', '--json'])
    const [{ id, status, type } = {}] = listed.stdout.json
    expect([type, status]).toEqual(['migration', 'completed'])
    const table = await stage.run(['history', '--owner', 'acme', '--project', 'proj', '--status', 'completed'])
    expect(table.stdout.text).toMatch(new RegExp(`^${String(id)} +\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d +✓ completed +PROJ/remembered +acme/remembered`, 'm'))
    expect((await stage.run(['history', '--owner', 'nobody'])).stdout.text).toBe('No migrations.\n')

    const logs = await stage.run(['logs', String(id)])
    expect(logs.stdout.lines.at(-1)).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC completed in /)
    const events = await stage.run(['logs', String(id), '--json', '--follow'])
    expect(events.stdout.json.at(-1)).toMatchObject({ type: 'migration-end', status: 'completed' })

    const cancel = await stage.run(['cancel', String(id)])
    expect([cancel.status, cancel.stdout.text]).toEqual([0, 'It had ended already: completed.\n'])
  })

  it('say clearly that there is no such migration', async () => {
    for (const argv of [['logs', 'none'], ['retry', 'none'], ['cancel', 'none']]) {
      const { status, stdout, stderr } = await stage.run(argv)
      expect([status, stdout.text]).toEqual([1, ''])
      expect(stderr.text).toMatch(/^error: There is no migration none.*\(NOT_FOUND\)\n$/)
    }
  })

  it('cancel stops a migration that another engine runs', async () => {
    await repository('elsewhere')
    const fault = stage.sandbox.bitbucket.fault({ path: '/scm/proj/elsewhere.git/git-upload-pack', method: 'POST', times: 10, action: { stall: true } })
    const running = stage.run(['migrate', 'PROJ/elsewhere', '--to', 'acme'])
    await fault.fired
    const [{ id } = {}] = (await stage.run(['history', '--status', 'in_progress', '--json'])).stdout.json
    const cancel = await stage.run(['cancel', String(id)])
    expect([cancel.status, cancel.stdout.text]).toEqual([0, 'The process that runs it was asked to stop; it does so within seconds.\n'])
    expect((await running).status).toBe(130)
    fault.remove()
  })
})
