const placeholder = '[redacted]'

/** Shorter strings occur by chance in ordinary text; replacing them would garble it and prove nothing. */
const shortestSecret = 4

/** Tokens that are recognised by their form, for secrets that come into being elsewhere: GitHub's, Bitbucket's, JWTs. */
const tokenForms =
  /\b(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{20,}|BBDC-[A-Za-z0-9+/]{16,}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,})/g

/**
 * Removes known secrets from text, in every form in which a server or a library may echo them: raw, URL- and
 * form-encoded, base64 (of the secret alone and of `user:secret`, as in Basic credentials), escaped for JSON or HTML.
 */
export class Redactor {
  readonly #forms = new Set<string>()
  #pattern: RegExp | undefined
  #shortestForm = Infinity

  constructor(secrets: Iterable<string> = []) {
    for (const secret of secrets) this.add(secret)
  }

  /**
   * Makes a secret known. With `user`, the Basic credentials of the two are known as well. A secret of fewer than four
   * characters is redacted as part of Basic credentials only.
   */
  add(secret: string, user?: string): void {
    if (secret === '') return
    if (secret.length >= shortestSecret) {
      for (const form of [secret, ...escaped(secret), ...encoded(secret)]) this.#forms.add(form)
    }
    if (user !== undefined) for (const form of encoded(`${user}:${secret}`)) this.#forms.add(form)
    // The longest first, so that where several begin the longest is found.
    const forms = [...this.#forms].sort((a, b) => b.length - a.length)
    // A lookahead finds forms that overlap, too; replacing one of two would leave the tail of the other.
    this.#pattern = forms.length ? new RegExp(`(?=(${forms.map(escapeRegExp).join('|')}))`, 'gi') : undefined
    this.#shortestForm = forms.at(-1)?.length ?? Infinity
  }

  /** The text without the known secrets, without credentials in URLs, and without tokens of known forms. */
  redact(text: string): string {
    return this.#withoutKnown(text).replace(/:\/\/[^\s/@]*@/g, `://${placeholder}@`).replace(tokenForms, placeholder)
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

  #withoutKnown(text: string): string {
    // Most texts are the short words of events and records.
    if (!this.#pattern || text.length < this.#shortestForm || text.search(this.#pattern) < 0) return text
    let clean = ''
    let end = 0
    for (const { index, 1: form = '' } of text.matchAll(this.#pattern)) {
      const formEnd = index + form.length
      if (index >= end) clean += text.slice(end, index) + placeholder
      end = Math.max(end, formEnd)
    }
    return clean + text.slice(end)
  }
}

function encoded(text: string): string[] {
  const bytes = Buffer.from(text)
  const base64 = bytes.toString('base64')
  const forms = [base64, base64.replace(/=+$/, ''), bytes.toString('base64url')]
  // A lone surrogate has no URL-encoded form.
  if (!/\p{Cs}/u.test(text)) forms.push(encodeURIComponent(text), new URLSearchParams([['', text]]).toString().slice(1))
  return forms
}

function escaped(text: string): string[] {
  const json = JSON.stringify(text).slice(1, -1)
  const ascii = json.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
  const html = text.replace(/[&<>"']/g, (sign) => htmlEntities[sign] ?? sign)
  return [json, json.replaceAll('/', '\\/'), ascii, html]
}

const htmlEntities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

const escapeRegExp = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&')
