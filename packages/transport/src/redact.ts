const placeholder = '[redacted]'

/** Shorter strings occur by chance in ordinary text; replacing them would garble it and prove nothing. */
const shortestSecret = 4

/**
 * Removes known secrets from text, in every form in which a server or a library may echo them: raw, URL-encoded,
 * base64 (of the secret alone and of `user:secret`, as in Basic credentials), JSON-escaped.
 */
export class Redactor {
  readonly #forms = new Set<string>()
  #pattern: RegExp | undefined

  constructor(secrets: Iterable<string> = []) {
    for (const secret of secrets) this.add(secret)
  }

  /** Makes a secret known. With `user`, the Basic credentials of the two are known as well. */
  add(secret: string, user?: string): void {
    if (secret.length < shortestSecret) return
    for (const text of user === undefined ? [secret] : [secret, `${user}:${secret}`]) {
      const base64 = Buffer.from(text).toString('base64')
      const forms = [base64, base64.replace(/=+$/, ''), Buffer.from(text).toString('base64url'), encodeURIComponent(text)]
      if (text === secret) forms.push(text, JSON.stringify(text).slice(1, -1))
      for (const form of forms) this.#forms.add(form)
    }
    // The longest first, so that a form that contains another is replaced whole.
    const alternatives = [...this.#forms].sort((a, b) => b.length - a.length).map(escapeRegExp)
    this.#pattern = new RegExp(alternatives.join('|'), 'gi')
  }

  /** The text without the known secrets, without credentials in URLs, and without tokens of GitHub's forms. */
  redact(text: string): string {
    const known = this.#pattern ? text.replace(this.#pattern, placeholder) : text
    return known
      .replace(/(\w+:\/\/)[^\s/@:]+(?::[^\s/@]*)?@/g, `$1${placeholder}@`)
      .replace(/\b(gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{20,})/g, placeholder)
  }

  /** A copy of a JSON-like value with every string (keys too) redacted. */
  redactValue<T>(value: T): T {
    if (typeof value === 'string') return this.redact(value) as T
    if (Array.isArray(value)) return value.map((item: unknown) => this.redactValue(item)) as T
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(
        Object.entries(value).map(([key, item]) => [this.redact(key), this.redactValue(item as unknown)]),
      ) as T
    }
    return value
  }
}

const escapeRegExp = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&')
