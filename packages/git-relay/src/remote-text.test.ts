import { describe, expect, it } from 'vitest'
import { pieces } from '../test/split.ts'
import { parseProgressLine, RemoteText, sanitize } from './remote-text.ts'

describe('what servers write for people', () => {
  it('loses what would act on a terminal or a log', () => {
    expect(sanitize('a\u001b[31mred\u001b[0m \u001b]8;;http://evil\u0007link\u001b]8;;\u0007 \u202egnp\u0000\u0008\u009b1m')).toBe('ared link gnp1m')
    expect(sanitize('one\ttwo\nthree')).toBe('one\ttwo\nthree')
    expect(sanitize('\u001b]0;never ended')).toBe('')
  })

  it('becomes the same lines wherever it is split, also within a character', async () => {
    const bytes = Buffer.from('Counting: 1\rCounting: 2\rdone\nremote: ü🌭\n\nlast')
    for (let end = 0; end <= bytes.length; end++) {
      const lines: string[] = []
      const text = new RemoteText((line) => lines.push(line))
      for await (const piece of pieces(bytes, end)) text.push(piece)
      text.end()
      expect(lines).toEqual(['Counting: 1', 'Counting: 2', 'done', 'remote: ü🌭', 'last'])
    }
  })

  it('is cut where a line has no end', () => {
    const lines: string[] = []
    const text = new RemoteText((line) => lines.push(line))
    for (let i = 0; i < 1000; i++) text.push(Buffer.alloc(1000, 'x'))
    text.end()
    expect(lines).toEqual(['x'.repeat(2000)])
  })

  it.each([
    ['Enumerating objects: 12, done.', { phase: 'counting', objects: 12 }],
    ['Counting objects:  42% (21/50)', { phase: 'counting', objects: 21, totalObjects: 50 }],
    ['Compressing objects: 100% (9/9), done.', { phase: 'compressing', objects: 9, totalObjects: 9 }],
    ['Resolving deltas: 100% (3/3), completed with 1 local object.', { phase: 'resolving', objects: 3, totalObjects: 3 }],
    ['Unpacking objects:  50% (2/4)', { phase: 'resolving', objects: 2, totalObjects: 4 }],
    ['Total 50 (delta 3), reused 0 (delta 0)', undefined],
    ['error: GH001: Large files detected', undefined],
  ])('is progress or is not: %s', (line, progress) => {
    expect(parseProgressLine(line)).toEqual(progress)
  })
})
