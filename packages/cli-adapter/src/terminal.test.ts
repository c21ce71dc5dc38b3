import { describe, expect, it } from 'vitest'
import { isInteractive, wantsColour } from './terminal.ts'

describe('the terminal', () => {
  it.each([
    [{}, true, true], [{}, false, false], [{ TERM: 'dumb' }, true, false],
    [{ NO_COLOR: '1' }, true, false], [{ NO_COLOR: '' }, true, true], [{ NO_COLOR: '1', FORCE_COLOR: '1' }, true, false],
    [{ FORCE_COLOR: '1' }, false, true], [{ FORCE_COLOR: '0' }, true, false], [{ CI: 'true' }, true, true],
  ])('with %j on a terminal (%s) colours: %s', (env, isTTY, colour) => {
    expect(wantsColour(env, { isTTY })).toBe(colour)
  })

  it.each([
    [{}, true, true], [{}, false, false], [{ CI: 'true' }, true, false], [{ CI: 'false' }, true, true],
    [{ TERM: 'dumb' }, true, false], [{ FORCE_COLOR: '1' }, false, false], [{ NO_COLOR: '1' }, true, true],
  ])('with %j on a terminal (%s) redraws: %s', (env, isTTY, redraws) => {
    expect(isInteractive(env, { isTTY })).toBe(redraws)
  })
})
