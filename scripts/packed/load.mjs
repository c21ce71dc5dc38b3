// Loads every entry, and sees to it that loading does nothing else.
import { readFileSync } from 'node:fs'
import { report } from './effects.mjs'

const effects = report()
for (const entry of JSON.parse(readFileSync(new URL('entries.json', import.meta.url), 'utf8'))) {
  const loaded = await import(entry)
  if (Object.keys(loaded).length === 0) throw new Error(`${entry} exports nothing`)
}
await effects()
