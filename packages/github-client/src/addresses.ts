import { HostBudget, type Budget, type HostBudgetOptions } from '@saddle/transport'

/** The public REST API. */
export const defaultBaseUrl = 'https://api.github.com'

/**
 * The base of web and git addresses that belongs to a REST base: `https://api.github.com` → `https://github.com`,
 * `https://host/api/v3` → `https://host`, `https://api.SUBDOMAIN.ghe.com` → `https://SUBDOMAIN.ghe.com`.
 */
export function webUrlOf(baseUrl: string | URL): URL {
  const url = new URL(baseUrl)
  if (isCloud(url)) url.hostname = url.hostname.slice('api.'.length)
  url.pathname = url.pathname.replace(/\/api\/v3\/?$/, '')
  return url
}

/** Whether a REST base is GitHub's own service, which has rate limits; an Enterprise Server has none unless set. */
function isCloud({ hostname }: URL): boolean {
  return hostname === 'api.github.com' || (hostname.startsWith('api.') && hostname.endsWith('.ghe.com'))
}

/**
 * The limits of one identity at GitHub: below the documented ones of concurrency (100), points (900 a minute; a GET costs
 * 1, a write 5) and content creation (80 a minute and 500 an hour). For an Enterprise Server, whose limits are off unless
 * an administrator sets some, concurrency only.
 *
 * Source: "Rate limits for the REST API" and "Best practices for using the REST API" of GitHub's documentation.
 */
export function gitHubLimits(baseUrl: string | URL = defaultBaseUrl): Pick<HostBudgetOptions, 'concurrency' | 'points' | 'creations'> {
  if (!isCloud(new URL(baseUrl))) return { concurrency: 50 }
  return {
    concurrency: 50,
    points: { amount: 900, intervalMs: 60_000 },
    creations: [{ amount: 80, intervalMs: 60_000 }, { amount: 500, intervalMs: 3_600_000 }],
  }
}

/** The budget of one identity at GitHub within one process, with {@link gitHubLimits}. */
export const gitHubBudget = (baseUrl?: string | URL): Budget => new HostBudget(gitHubLimits(baseUrl))
