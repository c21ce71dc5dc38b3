import { describe, expect, it } from 'vitest'
import { escape, escapedJson } from './escape.ts'

describe('escape', () => {
  it.each([
    ['\x1b[31mred\x1b[0m', '\\x1b[31mred\\x1b[0m'],
    ['\x1b]8;;https://evil.example\x07click\x1b]8;;\x07', '\\x1b]8;;https://evil.example\\x07click\\x1b]8;;\\x07'],
    ['a\u202egnp.exe', 'a\\u202egnp.exe'],
    ['line\r\nnext\tcell', 'line\\r\\nnext\\tcell'],
    ['\u009b31m', '\\x9b31m'],
    ['\u2028\ufeff\u200b', '\\u2028\\ufeff\\u200b'],
    ['\ud800', '\\ud800'],
    ['\u{e0041}', '\\u{e0041}'],
    ['\0\x7f', '\\x00\\x7f'],
  ])('shows %j inertly', (text, shown) => {
    expect(escape(text)).toBe(shown)
  })

  it('leaves ordinary text of every script alone', () => {
    const text = 'größe 機能 العربية 👩‍👩‍👧 می‌خواهم C:\\x `$(id)` <script>'
    expect(escape(text)).toBe(text)
  })
})

describe('escapedJson', () => {
  it('is one line without active characters, and means the same', () => {
    const value = { name: '\x1b]0;x\x07\u202e\u009b\u2028\n\u{e0041}', 'key\u202e': ['👩‍👩‍👧'] }
    const line = escapedJson(value)
    expect(line).not.toMatch(/(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
    expect(JSON.parse(line)).toEqual(value)
  })
})
