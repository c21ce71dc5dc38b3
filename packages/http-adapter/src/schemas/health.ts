import { z } from 'zod'

export const health = z.object({ status: z.literal('healthy') })

export const componentHealth = z.object({ status: z.literal('healthy'), component: z.string(), version: z.string() })

const part = z.object({ status: z.enum(['healthy', 'unhealthy']), detail: z.string().optional() })

export const readiness = z.object({
  status: z.enum(['healthy', 'unhealthy']),
  parts: z.object({ store: part, sessions: part, queue: part }),
})
