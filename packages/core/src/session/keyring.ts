import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto'
import { SaddleError } from '@saddle/transport'

const algorithm = 'aes-256-gcm'
const nonceBytes = 12
const tagBytes = 16
const shortestKey = 32

interface Key {
  /** Names the key in what it sealed, without saying anything about it. */
  id: string
  secret: Buffer
}

/**
 * The keys that credentials are encrypted with at rest: AES-256-GCM, a fresh nonce for each value, and the place where a
 * value belongs as authenticated data, so that one cannot be passed off as another. The first key seals; all of them
 * open, so that keys can be exchanged without losing what older ones sealed.
 */
export class Keyring {
  readonly #keys: readonly Key[]

  /**
   * @param keys - the current one first; each at least 32 characters that nobody can guess, such as the output of
   * `openssl rand -base64 32`
   * @throws SaddleError `MISSING_CONFIGURATION` without a key, `INVALID_INPUT` for one that is too short
   */
  constructor(keys: readonly string[]) {
    if (keys.length === 0) {
      throw new SaddleError('MISSING_CONFIGURATION', 'No session key was given. Make one with `openssl rand -base64 32`.', {
        context: { option: 'sessionKeys' },
      })
    }
    this.#keys = keys.map((text, index) => {
      if (text.length < shortestKey) {
        throw new SaddleError('INVALID_INPUT', `Session key ${index + 1} has fewer than ${shortestKey} characters. Make one with \`openssl rand -base64 32\`.`, {
          context: { option: 'sessionKeys' },
        })
      }
      const secret = Buffer.from(hkdfSync('sha256', text, '', 'saddle credentials', 32))
      return { id: createHash('sha256').update('id').update(secret).digest('hex').slice(0, 8), secret }
    })
  }

  /** A keyring with a random key, which nothing outlives. */
  static random(): Keyring {
    return new Keyring([randomBytes(32).toString('base64')])
  }

  /**
   * Encrypts a text for one place.
   *
   * @param place - what it belongs to; opening needs the same
   * @returns the key's id, the nonce and the encrypted text with its tag, as URL-safe text
   */
  seal(text: string, place: readonly string[]): string {
    const key = this.#keys[0]!
    const nonce = randomBytes(nonceBytes)
    const cipher = createCipheriv(algorithm, key.secret, nonce, { authTagLength: tagBytes })
    cipher.setAAD(authenticated(key.id, place))
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
    return `${key.id}.${nonce.toString('base64url')}.${sealed.toString('base64url')}`
  }

  /**
   * Decrypts what was sealed for the same place.
   *
   * @throws SaddleError `AUTHENTICATION_FAILED` when it was changed, belongs elsewhere, or its key is no longer among the keys
   */
  open(sealed: string, place: readonly string[]): string {
    const [id = '', nonce = '', data = ''] = sealed.split('.')
    const key = this.#keys.find((candidate) => candidate.id === id)
    const bytes = Buffer.from(data, 'base64url')
    if (!key || bytes.length < tagBytes) {
      throw new SaddleError('AUTHENTICATION_FAILED', 'Stored credentials cannot be read: the key that sealed them is not among the session keys. Log in again.')
    }
    try {
      const decipher = createDecipheriv(algorithm, key.secret, Buffer.from(nonce, 'base64url'), { authTagLength: tagBytes })
      decipher.setAAD(authenticated(id, place))
      decipher.setAuthTag(bytes.subarray(-tagBytes))
      return Buffer.concat([decipher.update(bytes.subarray(0, -tagBytes)), decipher.final()]).toString('utf8')
    } catch (cause) {
      throw new SaddleError('AUTHENTICATION_FAILED', 'Stored credentials were changed or moved and are not used. Log in again.', { cause })
    }
  }

  /** Whether the first key sealed it; if not, seal it anew before that key is given up. */
  isCurrent(sealed: string): boolean {
    return sealed.startsWith(`${this.#keys[0]!.id}.`)
  }
}

/** Lengths go in as well, so that no two places have the same bytes. */
const authenticated = (id: string, place: readonly string[]): Buffer => Buffer.from(JSON.stringify([id, ...place]))
