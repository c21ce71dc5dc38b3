import { defineConfig } from 'vitest/config'
import { sourceAliases } from './scripts/source-aliases.ts'

export default defineConfig({
  // Tests run against the sources; only tests that start the built command need a build.
  resolve: { alias: sourceAliases },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'packages/*/test/**/*.test.ts', 'examples/**/*.test.ts', 'docs/**/*.test.ts'],
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
