import { fileURLToPath } from 'node:url'

const packages = fileURLToPath(new URL('../packages/', import.meta.url))

/** Maps `@saddle/x` and `@saddle/x/y` to the sources, so that tests and bench need no build. */
export const sourceAliases = [
  { find: /^@saddle\/([^/]+)$/, replacement: `${packages}$1/src/index.ts` },
  { find: /^@saddle\/([^/]+)\/(.+)$/, replacement: `${packages}$1/src/$2.ts` },
]
