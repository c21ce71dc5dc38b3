import { isUtf8 } from 'node:buffer'

/**
 * A ref name is bytes to git and a string here. Valid UTF-8 becomes the string that it spells, so that names compare
 * equal to the ones a REST API gives. A byte that is not part of valid UTF-8 becomes a lone surrogate, U+DC80 to U+DCFF
 * (as in Python's `surrogateescape`), so that every name survives the way there and back, byte for byte. JSON keeps
 * lone surrogates (as `\udcXX`); writing such a string as UTF-8 text does not.
 */
export function decodeRefName(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (isUtf8(buffer)) return buffer.toString('utf8')
  let name = ''
  for (let at = 0; at < buffer.length;) {
    const lead = buffer[at] ?? 0
    const length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
    const character = buffer.subarray(at, at + length)
    if (character.length === length && isUtf8(character)) {
      name += character.toString('utf8')
      at += length
    } else {
      name += String.fromCharCode(0xdc00 + lead)
      at += 1
    }
  }
  return name
}

/** The bytes of a ref name; undoes {@link decodeRefName} exactly. */
export function encodeRefName(name: string): Buffer {
  const pieces = name.split(/([\udc80-\udcff])/u)
  if (pieces.length === 1) return Buffer.from(name, 'utf8')
  return Buffer.concat(
    pieces.map((piece, index) => (index % 2 ? Buffer.from([piece.charCodeAt(0) - 0xdc00]) : Buffer.from(piece, 'utf8'))),
  )
}

/**
 * Whether a name can be a ref of a repository and can be written in a command: it begins with `refs/` and keeps the
 * rules of git-check-ref-format that keep lines apart (no control character, space or `~^:?*[\`, no `..`, `@{`, `//`).
 */
export function isRefName(name: string): boolean {
  return name.startsWith('refs/') && !/[\0-\x20\x7f~^:?*[\\]|\.\.|@\{|\/\/|\/$|\.$/.test(name)
}

/**
 * A ref name for people: what could hide, reverse or fake text (controls, format characters such as U+202E, bytes that
 * are not UTF-8) is shown as an escape. Not for use as a ref.
 */
export function showRefName(name: string): string {
  return name.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0
    return code >= 0xdc80 && code <= 0xdcff ? `\\x${(code - 0xdc00).toString(16)}` : `\\u{${code.toString(16)}}`
  })
}
