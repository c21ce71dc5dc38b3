import { describe, expect, it } from 'vitest'
import { parsePointer } from './pointer.ts'

const oid = '4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393'
const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize 12345\n`

describe('parsePointer', () => {
  it('reads a pointer, extensions included', () => {
    expect(parsePointer(Buffer.from(pointer))).toEqual({ oid, size: 12345 })
    const extended = pointer.replace('oid', `ext-0-foo sha256:${'a'.repeat(64)}\noid`)
    expect(parsePointer(Buffer.from(extended))).toEqual({ oid, size: 12345 })
  })

  it.each([
    ['ordinary text', 'hello\n'],
    ['text that mentions a pointer', `see ${pointer}`],
    ['an oid of another kind', pointer.replace('sha256', 'sha512')],
    ['an oid in capitals', pointer.replace(oid, oid.toUpperCase())],
    ['no size', pointer.replace('size 12345\n', '')],
    ['a size that is no number', pointer.replace('12345', '-1')],
    ['an empty object', pointer.replace('12345', '0')],
    ['a file too large to be one', pointer + 'x'.repeat(1024)],
  ])('takes %s for no pointer', (_, text) => {
    expect(parsePointer(Buffer.from(text))).toBeUndefined()
  })
})
