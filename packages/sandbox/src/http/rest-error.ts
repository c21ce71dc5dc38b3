/** An answer that a route gives by throwing: the status and the vendor's body. */
export class RestError extends Error {
  readonly status: number
  readonly body: object
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, body: object, headers: Readonly<Record<string, string>> = {}) {
    super(`status ${status}`)
    this.status = status
    this.body = body
    this.headers = headers
  }
}
