// Loads every entry, and sees to it that loading does nothing else.
const { report } = require('./effects.mjs')

const effects = report()
for (const entry of require('./entries.json')) {
  if (Object.keys(require(entry)).length === 0) throw new Error(`${entry} exports nothing`)
}
effects()
