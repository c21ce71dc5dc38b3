import { describe, expect, it } from 'vitest'
import { bytes, counted, duration, moment } from './format.ts'

describe('formats', () => {
  it.each([[0, '0 B'], [1023, '1023 B'], [1024, '1.0 KiB'], [10 * 1024, '10 KiB'], [1024 ** 2 - 1, '1.0 MiB'], [1.5 * 1024 ** 3, '1.5 GiB'], [2000 * 1024 ** 4, '2000 TiB']])(
    '%d bytes are %s', (value, text) => { expect(bytes(value)).toBe(text) })

  it.each([[0, '0.0 s'], [440, '0.4 s'], [9960, '10 s'], [59_600, '1 min 00 s'], [185_000, '3 min 05 s'], [7_800_000, '2 h 10 min']])(
    '%d ms are %s', (value, text) => { expect(duration(value)).toBe(text) })

  it('counts with the right noun', () => {
    expect([counted(1, 'ref'), counted(0, 'ref'), counted(12345, 'branch', 'branches')]).toEqual(['1 ref', '0 refs', '12,345 branches'])
  })

  it('writes moments in UTC', () => {
    expect(moment('2024-05-01T13:45:10.123Z')).toBe('2024-05-01 13:45:10 UTC')
  })
})
