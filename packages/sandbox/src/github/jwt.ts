import { verify } from 'node:crypto'
import type { App } from './model.ts'

/** The App that signed a JWT (RS256, `iss` its id or client id), if signature and times are right. */
export function appOfJwt(token: string, apps: Iterable<App>, now = Date.now() / 1000): App | undefined {
  const [head, body, signature] = token.split('.')
  if (!head || !body || !signature) return undefined
  try {
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as { iss?: unknown; exp?: unknown; iat?: unknown }
    const app = [...apps].find(({ id, clientId }) => String(claims.iss) === String(id) || claims.iss === clientId)
    if (!app || Number(claims.exp) < now || Number(claims.exp) > now + 660 || Number(claims.iat) > now + 60) return undefined
    return verify('RSA-SHA256', Buffer.from(`${head}.${body}`), app.publicKey, Buffer.from(signature, 'base64url')) ? app : undefined
  } catch {
    return undefined
  }
}
