import { randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Git } from './git.ts'

/** The object format of a repository. */
export type ObjectFormat = 'sha1' | 'sha256'

/** Writes an empty bare repository: what `git init --bare` makes, without starting a process. */
export async function createBareRepository(path: string, defaultBranch: string, format: ObjectFormat = 'sha1'): Promise<void> {
  await Promise.all([
    mkdir(join(path, 'objects', 'info'), { recursive: true }),
    mkdir(join(path, 'objects', 'pack'), { recursive: true }),
    mkdir(join(path, 'refs', 'heads'), { recursive: true }),
    mkdir(join(path, 'refs', 'tags'), { recursive: true }),
  ])
  const config = format === 'sha1'
    ? '[core]\n\trepositoryformatversion = 0\n\tbare = true\n'
    : '[core]\n\trepositoryformatversion = 1\n\tbare = true\n[extensions]\n\tobjectformat = sha256\n'
  await writeFile(join(path, 'config'), config)
  await setHead(path, defaultBranch)
}

/** Points HEAD at a branch, which need not exist. */
export async function setHead(path: string, branch: string): Promise<void> {
  // Git calls a folder whose HEAD is half written no repository at all, so it is put in place whole.
  const temporary = join(path, `HEAD.${randomUUID()}`)
  await writeFile(temporary, `ref: refs/heads/${branch}\n`)
  await rename(temporary, join(path, 'HEAD'))
}

/** The branch that HEAD points at, existing or not. */
export async function headBranch(path: string): Promise<string> {
  const head = await readFile(join(path, 'HEAD'), 'utf8')
  return head.trim().replace(/^ref: refs\/heads\//, '')
}

/** A ref as `for-each-ref` tells it. */
export interface RefRecord {
  /** Full name, `refs/heads/main`. */
  readonly name: string
  /** The object that the ref points at. */
  readonly oid: string
  /** The commit of an annotated tag, otherwise the same as `oid`. */
  readonly commit: string
  /** The type of `oid`: `commit`, `tag`, and seldom `tree` or `blob`. */
  readonly type: string
  /** Seconds since the epoch, 0 when the object carries no date. */
  readonly committed: number
}

/** The refs under a prefix such as `refs/heads/`, by name. */
export async function listRefs(git: Git, path: string, prefix: string): Promise<RefRecord[]> {
  if (await isWithoutRefs(path)) return []
  const format = '%(objectname) %(*objectname) %(objecttype) %(creatordate:unix) %(refname)'
  const out = await git.run(path, ['for-each-ref', `--format=${format}`, '--', prefix])
  return out.split('\n').filter(Boolean).map((line) => {
    const [oid = '', peeled = '', type = '', date = ''] = line.split(' ', 4)
    const name = line.slice(oid.length + peeled.length + type.length + date.length + 4)
    return { name, oid, commit: peeled || oid, type, committed: Number(date) || 0 }
  })
}

/** Whether nothing was ever pushed: told from the folder alone, as it is asked for each repository of a list. */
export async function isWithoutRefs(path: string): Promise<boolean> {
  if (await stat(join(path, 'packed-refs')).then(() => true, () => false)) return false
  const entries = await readdir(join(path, 'refs'), { recursive: true, withFileTypes: true })
  return !entries.some((entry) => entry.isFile())
}

/** Bytes of the object database on disk. */
export async function objectsSize(path: string): Promise<number> {
  const entries = await readdir(join(path, 'objects'), { recursive: true, withFileTypes: true })
  const sizes = await Promise.all(
    entries.filter((entry) => entry.isFile()).map((entry) =>
      stat(join(entry.parentPath, entry.name)).then((file) => file.size, () => 0),
    ),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}
