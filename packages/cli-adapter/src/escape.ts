/**
 * Control characters (C0, C1, ESC), line separators, invisible format characters (among them those that turn the writing
 * direction) and lone surrogates. The two joiners stay: they carry meaning in several scripts and in emoji.
 */
const unsafe = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu

const short: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/**
 * Text from a server or a file, made safe to show: characters that could move the cursor, hide text, turn it round or
 * start a new line are shown as `\x1b`, `\u202e`, `\n`.
 */
export function escape(text: string): string {
  return text.replace(unsafe, (character) => short[character] ?? code(character))
}

/** One line of JSON without characters that a terminal acts upon; a parser yields the original value. */
export function escapedJson(value: unknown): string {
  // Outside of strings JSON has none of these characters, so replacing them everywhere is safe.
  return JSON.stringify(value).replace(unsafe, (character) =>
    character.split('').map((unit) => `\\u${hex(unit.charCodeAt(0), 4)}`).join(''),
  )
}

function code(character: string): string {
  const point = character.codePointAt(0) ?? 0
  if (point <= 0xff) return `\\x${hex(point, 2)}`
  return point <= 0xffff ? `\\u${hex(point, 4)}` : `\\u{${hex(point, 5)}}`
}

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0')
