import { afterEach, beforeEach, describe, it } from 'vitest'
import { jobQueueSuite } from './contract.ts'
import { MemoryQueue } from './memory.ts'

jobQueueSuite({ describe, it, beforeEach, afterEach }, 'MemoryQueue', async () => ({ queue: new MemoryQueue(), dispose: async () => {} }))
