import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const folder = (path: string) => new URL(path, import.meta.url)
const decisions = readdirSync(folder('decisions/')).filter((name) => /^\d/.test(name))
const guides = readdirSync(folder('.')).filter((name) => name.endsWith('.md'))
const documents = [...guides, 'decisions/README.md', ...decisions.map((name) => `decisions/${name}`), '../README.md', '../examples/README.md']

test.each(documents)('the links of %s lead somewhere', (name) => {
  const document = folder(name)
  const text = readFileSync(document, 'utf8').replaceAll(/^```.*?^```$/gms, '')
  const links = [...text.matchAll(/\]\(([^)\s]+)\)|(?:src|href)="([^"]+)"/g)].map(([, link, source]) => link ?? source!).filter((link) => !/^(https?:|#)/.test(link))
  expect(links.filter((link) => !existsSync(fileURLToPath(new URL(link.split('#')[0]!, document))))).toEqual([])
})

test('the indexes have every guide and every decision', () => {
  const [guideIndex, decisionIndex] = ['README.md', 'decisions/README.md'].map((name) => readFileSync(folder(name), 'utf8'))
  for (const name of guides) if (name !== 'README.md') expect(guideIndex).toContain(`(${name})`)
  for (const name of decisions) expect(decisionIndex).toContain(`(${name})`)
})
