import { SaddleError, statusError, type FailedAnswer } from '@saddle/transport'
import { z } from 'zod'
import { limitWait } from './limits.ts'

const errorBody = z.object({
  message: z.string().catch(''),
  errors: z
    .array(
      z.union([
        z.string().transform((message) => ({ message, resource: undefined, field: undefined, code: undefined })),
        z.object({
          resource: z.string().optional(),
          field: z.string().optional(),
          code: z.string().optional(),
          message: z.string().optional(),
        }),
      ]),
    )
    .catch([]),
})
type ErrorBody = z.output<typeof errorBody>

/** The error of an answer with status 400 or above, by GitHub's status, headers and body. */
export function githubFailure(answer: FailedAnswer, refusals = 0): SaddleError {
  const { status, headers, context, redactor } = answer
  const host = context.host ?? 'GitHub'
  const body = bodyOf(answer.text)
  const said = sentence(body.message)
  const error = (code: ConstructorParameters<typeof SaddleError>[0], text: string) =>
    new SaddleError(code, text, { context, redactor })

  const waitMs = limitWait({ status, headers, message: body.message }, refusals)
  if (waitMs !== undefined) {
    const retryAfter = Math.ceil(waitMs / 1000)
    return new SaddleError(
      'RATE_LIMITED',
      `${host} limits the rate of requests${said && `: ${said}`} Try again in ${retryAfter} seconds.`,
      { context: { ...context, retryAfter }, redactor },
    )
  }
  switch (status) {
    case 401:
      return error('AUTHENTICATION_FAILED', `${host} does not accept the credentials (401)${said && `: ${said}`} ${credentialAdvice(body.message)}`)
    case 403:
      return error('FORBIDDEN', `${host} refuses ${context.method ?? 'the request'} ${context.path ?? ''} (403): ${refusal(body, headers, host)}`)
    case 404:
      // Whoever has credentials has this; it is elsewhere.
      if (/(?<!\/users)\/user$/.test(context.path ?? '')) {
        return error('NOT_FOUND', `${host} has no REST API of GitHub at this address. Of an Enterprise Server it is https://${host}/api/v3, of github.com https://api.github.com.`)
      }
      return error(
        'NOT_FOUND',
        `${host} has nothing at ${context.path ?? 'this address'}, or the credentials may not see it: GitHub answers 404 for both. ` +
          (scopeAdvice(headers).trim() || 'Check the spelling, and what the credentials may see.'),
      )
    case 409:
      return error('CONFLICT', `${host} reports a conflict at ${context.path ?? 'this address'} (409)${said && `: ${said}`}`)
    case 422:
      return invalid(body, answer)
    case 451:
      return error('FORBIDDEN', `${host} does not give access to ${context.path ?? 'this address'} for legal reasons (451).`)
    default:
      return statusError(answer)
  }
}

function bodyOf(text: string): ErrorBody {
  try {
    return errorBody.parse(JSON.parse(text))
  } catch {
    // Proxies answer with pages; nothing in them is worth showing.
    return { message: '', errors: [] }
  }
}

/** Why a 403 came about; the order is from the surest sign to the vaguest. */
function refusal(body: ErrorBody, headers: Record<string, string>, host: string): string {
  const sso = headers['x-github-sso']
  if (sso?.startsWith('required')) {
    return `the organisation demands single sign-on and the token is not authorised for it. Open the token's settings at ${webHost(host)}/settings/tokens, choose "Configure SSO" and authorise it for the organisation.`
  }
  if (/archived/i.test(body.message)) return 'the repository is archived, which makes it read-only. Unarchive it first.'
  if (/suspended/i.test(body.message)) return `${sentence(body.message)} Unsuspend the installation of the App in the settings of the organisation.`
  const lacking = scopeAdvice(headers) || permissionAdvice(headers)
  return `${sentence(body.message) || 'no reason was given.'}${lacking || ' Check the permissions of the token and of its owner.'}`
}

/** Says which scope a classic or OAuth token lacks, by the two headers in which GitHub compares them. */
function scopeAdvice(headers: Record<string, string>): string {
  if (headers['x-oauth-scopes'] === undefined) return ''
  const accepted = list(headers['x-accepted-oauth-scopes'])
  const granted = list(headers['x-oauth-scopes'])
  if (!accepted.length || accepted.some((scope) => covers(granted, scope))) return ''
  return ` The token lacks a scope: it needs ${accepted.join(' or ')} and has ${granted.join(', ') || 'none'}.`
}

/** The same for fine-grained tokens and Apps, which have permissions instead of scopes. */
function permissionAdvice(headers: Record<string, string>): string {
  const needed = headers['x-accepted-github-permissions']
  return needed ? ` The token lacks a permission: ${needed.replaceAll(';', ' or ').replaceAll('=', ': ')}.` : ''
}

/** Scopes that contain others: `admin:org` ⊃ `write:org` ⊃ `read:org`, `repo` ⊃ `public_repo`, and so on. */
export function covers(granted: readonly string[], scope: string): boolean {
  const containing: Record<string, readonly string[]> = {
    public_repo: ['repo'],
    'repo:status': ['repo'],
    repo_deployment: ['repo'],
    'repo:invite': ['repo'],
    'read:org': ['write:org', 'admin:org'],
    'write:org': ['admin:org'],
    'read:user': ['user'],
    'user:email': ['user'],
  }
  return [scope, ...(containing[scope] ?? [])].some((name) => granted.includes(name))
}

function credentialAdvice(message: string): string {
  if (/'(exp|iat)'|expiration time|issued at/i.test(message)) return "Check the clock of this machine: the App's signature is valid for minutes only."
  if (/integration|JSON web token|could not be decoded/i.test(message)) return "Check that the App's id and private key belong together."
  return 'The token may have expired or been revoked; make a new one.'
}

/** GitHub's validation errors as one sentence. */
function invalid(body: ErrorBody, { context, redactor }: FailedAnswer): SaddleError {
  const exists = body.errors.some(
    ({ code, message }) => code === 'already_exists' || /already exists/i.test(message ?? ''),
  )
  if (exists) {
    return new SaddleError('ALREADY_EXISTS', 'GitHub has one of that name already in this account. Choose another name, or say that the existing one is meant.', {
      context,
      redactor,
    })
  }
  const details = body.errors.map(({ resource, field, code, message }) => {
    const subject = [resource, field].filter(Boolean).join('.')
    return message ?? `${subject || 'a value'} ${codes[code ?? ''] ?? `is not accepted (${code ?? 'no reason given'})`}`
  })
  const text = [body.message.replace(/\.$/, ''), ...details].filter(Boolean).join('; ') || 'no reason was given'
  return new SaddleError('INVALID_INPUT', `GitHub does not accept the values sent to ${context.path ?? 'it'} (422): ${sentence(text)}`, {
    context,
    redactor,
  })
}

const codes: Record<string, string> = {
  missing: 'does not exist',
  missing_field: 'is missing',
  invalid: 'is not valid',
  unprocessable: 'cannot be processed',
}

const list = (header: string | undefined): string[] => (header ?? '').split(',').map((item) => item.trim()).filter(Boolean)

const sentence = (text: string): string => {
  const trimmed = text.trim()
  return trimmed && !/[.!?]$/.test(trimmed) ? `${trimmed}.` : trimmed
}

const webHost = (host: string): string => host.replace(/^api\./, '')
