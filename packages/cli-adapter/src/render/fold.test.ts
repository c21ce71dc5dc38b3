import pc from 'picocolors'
import stringWidth from 'string-width'
import { describe, expect, it } from 'vitest'
import { fold } from './fold.ts'

const style = (interactive: boolean, width: number) => ({ interactive, width, colour: pc.createColors(true) })

describe('fold', () => {
  it('breaks wide lines between words on a terminal, and indents what follows', () => {
    expect(fold('one two three four\nshort\n', style(true, 10))).toBe('one two\n  three\n  four\nshort\n')
    expect(fold('  one two three', style(true, 10))).toBe('  one two\n    three')
  })

  it('does not count colours, and leaves a word that is too wide whole', () => {
    const { colour } = style(true, 10)
    const folded = fold(`${colour.red('one')} ${colour.red('two')} 機能機能機能機能 x`, style(true, 10))
    expect(folded.split('\n').map((line) => stringWidth(line))).toEqual([7, 18, 3])
  })

  it('changes nothing in a pipe', () => {
    expect(fold('one two three four', style(false, Infinity))).toBe('one two three four')
  })
})
