import { afterEach, beforeEach, describe, it } from 'vitest'
import { migrationStoreSuite } from './contract.ts'
import { MemoryStore } from './memory.ts'

migrationStoreSuite({ describe, it, beforeEach, afterEach }, 'MemoryStore', async () => ({
  store: new MemoryStore(),
  dispose: async () => {},
}))
