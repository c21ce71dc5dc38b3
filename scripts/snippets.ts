import { readFileSync, readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A piece of code in a document, or in the comment of a public symbol. */
export interface Snippet {
  /** Where it begins, as `file:line`. */
  from: string
  /** What its fence says: `ts`, `sh`. */
  language: string
  code: string
}

const root = fileURLToPath(new URL('..', import.meta.url))

/** Every fenced piece of code in the README files, the guides, and the comments of the sources. */
export function findSnippets(): Snippet[] {
  const packages = readdirSync(join(root, 'packages')).map((name) => join(root, 'packages', name))
  const documents = [
    join(root, 'README.md'), join(root, 'examples/README.md'), ...filesBelow(join(root, 'docs'), '.md').filter((file) => !file.includes('/reference/')),
    ...packages.flatMap((folder) => filesBelow(folder, 'README.md', 1)),
  ]
  const sources = packages.flatMap((folder) => filesBelow(join(folder, 'src'), '.ts')).filter((file) => !file.endsWith('.test.ts'))
  return [
    ...documents.flatMap((file) => fences(file, readFileSync(file, 'utf8'))),
    ...sources.flatMap((file) => fences(file, commentsOnly(readFileSync(file, 'utf8')))),
  ]
}

function filesBelow(folder: string, ending: string, depth = Infinity): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return depth > 1 && !['node_modules', 'dist'].includes(entry.name) ? filesBelow(path, ending, depth - 1) : []
    return entry.name.endsWith(ending) ? [path] : []
  })
}

/** The text of documentation comments, each line where it was. */
const commentsOnly = (source: string): string => source.split('\n').map((line) => /^\s*\* ?(.*)$/.exec(line)?.[1] ?? '').join('\n')

function fences(file: string, text: string): Snippet[] {
  return [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(({ index, 1: language = '', 2: code = '' }) => ({
    from: `${relative(root, file)}:${text.slice(0, index).split('\n').length}`,
    language,
    code,
  }))
}
