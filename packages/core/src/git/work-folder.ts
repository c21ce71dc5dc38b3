import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'

const prefix = 'saddle-git-'
const ownerFile = 'owner.json'

/** Tells this process from an earlier one with the same number, as in a container that was started again. */
const thisProcess = { host: hostname(), pid: process.pid, started: performance.timeOrigin }

/** A folder for one transfer, owned by this process. */
export interface WorkFolder {
  readonly path: string
  remove(): Promise<void>
}

/** Makes a folder in the work directory, after clearing away what processes that are gone have left behind there. */
export async function makeWorkFolder(workDirectory = tmpdir()): Promise<WorkFolder> {
  await mkdir(workDirectory, { recursive: true })
  await clearLeftovers(workDirectory)
  const path = await mkdtemp(join(workDirectory, prefix))
  const remove = () => rm(path, { recursive: true, force: true, maxRetries: 3 })
  try {
    await writeFile(join(path, ownerFile), JSON.stringify(thisProcess))
    return { path, remove }
  } catch (error) {
    await remove()
    throw error
  }
}

/** Removes folders of processes that ran on this machine and are gone. */
async function clearLeftovers(workDirectory: string): Promise<void> {
  for (const name of await readdir(workDirectory)) {
    if (!name.startsWith(prefix)) continue
    const path = join(workDirectory, name)
    try {
      const owner = JSON.parse(await readFile(join(path, ownerFile), 'utf8')) as typeof thisProcess
      const alive = owner.pid === thisProcess.pid ? owner.started === thisProcess.started : runs(owner.pid)
      if (owner.host === thisProcess.host && !alive) await rm(path, { recursive: true, force: true })
    } catch {
      // Another process is just making or removing it.
    }
  }
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
