import stringWidth from 'string-width'
import type { Style } from './style.ts'

/**
 * Breaks lines that are wider than the terminal between words, continued two characters further in. Where nobody looks,
 * a line stays a line. Lines that fit, tables among them, stay as they are.
 */
export function fold(text: string, { interactive, width }: Style): string {
  return interactive ? text.split('\n').map((line) => foldLine(line, width)).join('\n') : text
}

function foldLine(line: string, width: number): string {
  if (stringWidth(line) <= width) return line
  const indent = `${/^ */.exec(line)?.[0] ?? ''}  `
  const lines: string[] = []
  let current = ''
  for (const word of line.split(/(?<=[^ ]) (?=[^ ])/)) {
    const longer = current ? `${current} ${word}` : word
    if (current && stringWidth(longer) > width) {
      lines.push(current)
      current = indent + word
    } else current = longer
  }
  return [...lines, current].join('\n')
}
