import { SaddleError, type HttpClient } from '@saddle/transport'
import type { z } from 'zod'

/** Reads a value of an answer; one that has not the expected shape is `PROTOCOL_ERROR`, naming the field. */
export function parse<Schema extends z.ZodType>(schema: Schema, value: unknown, http: HttpClient, path: string): z.output<Schema> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  const field = issue?.path.map(String).join('.') || 'the answer'
  throw new SaddleError(
    'PROTOCOL_ERROR',
    `${http.baseUrl.host} answered ${path} in an unexpected shape (${field}: ${issue?.message ?? 'invalid'}). ` +
      'Check that the base URL is that of a Bitbucket Data Center server.',
    { context: { host: http.baseUrl.host, path }, redactor: http.redactor },
  )
}
