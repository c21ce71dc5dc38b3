import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { findSnippets, type Snippet } from '../scripts/snippets.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const snippets = findSnippets().filter(({ language }) => language === 'ts')

/** What a snippet may use without saying where it comes from: what the snippets before it made. */
const known: Record<string, string> = {
  bitbucket: "import('@saddle/core').BitbucketClient",
  github: "import('@saddle/core').GitHubClient",
  engine: "import('@saddle/core').MigrationEngine",
  store: "import('@saddle/core').MigrationStore",
  request: "import('@saddle/core').MigrationRequest",
  teams: "import('@saddle/core').TeamsManager",
  signal: 'AbortSignal',
  bitbucketToken: 'string',
  githubToken: 'string',
}

const fileOf = (index: number): string => join(root, 'docs', `snippet-${index}.ts`)

/** The snippet, as a module of its own. */
function moduleOf({ code }: Snippet): string {
  const missing = Object.keys(known).filter((name) => new RegExp(`\\b${name}\\b`).test(code) && !new RegExp(`\\b(const|let|function)\\s[^=\\n]*\\b${name}\\b|\\bimport .*\\b${name}\\b`).test(code))
  return `${code}\nexport {}\n${missing.map((name) => `declare const ${name}: ${known[name]}\n`).join('')}`
}

/** Checks all of them at once, as part of this workspace; nothing is written. */
function check(): Map<string, string[]> {
  const configFile = ts.readConfigFile(join(root, 'tsconfig.json'), (path) => readFileSync(path, 'utf8'))
  const { options } = ts.parseJsonConfigFileContent(configFile.config, ts.sys, root)
  const files = new Map(snippets.map((snippet, index) => [fileOf(index), moduleOf(snippet)]))
  const onDisk = ts.createCompilerHost(options)
  const host: ts.CompilerHost = {
    ...onDisk,
    fileExists: (path) => files.has(path) || onDisk.fileExists(path),
    readFile: (path) => files.get(path) ?? onDisk.readFile(path),
    getSourceFile: (path, version, ...rest) => {
      const text = files.get(path)
      return text === undefined ? onDisk.getSourceFile(path, version, ...rest) : ts.createSourceFile(path, text, version)
    },
  }
  const program = ts.createProgram([...files.keys()], options, host)
  return new Map([...files.keys()].map((path) => {
    const source = program.getSourceFile(path)
    const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]
    return [path, found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '))]
  }))
}

describe('every piece of TypeScript in README files, guides and comments is correct', () => {
  const problems = check()
  test.each(snippets.map(({ from }, index) => [from, index] as const))('%s', (_, index) => {
    expect(problems.get(fileOf(index))).toEqual([])
  })
})
