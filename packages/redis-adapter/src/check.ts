import { SaddleError } from '@saddle/core'
import type { Redis } from 'ioredis'

/**
 * Checks that a server is one to keep migrations in: recent enough, and never evicting.
 *
 * @throws SaddleError `STORE_FAILED`, with what to change
 */
export async function checkServer(redis: Redis, host: string): Promise<void> {
  // INFO answers where managed servers refuse CONFIG.
  const [version, policy] = field(await redis.info(), 'redis_version', 'maxmemory_policy')
  if (version !== undefined && Number.parseInt(version) < 7) {
    throw new SaddleError('STORE_FAILED', `Redis at ${host} is version ${version}; 7.0 or newer is needed. Update it.`, { context: { host } })
  }
  if (policy !== undefined && policy !== 'noeviction') {
    throw new SaddleError(
      'STORE_FAILED',
      `Redis at ${host} would throw data away when its memory is full (maxmemory-policy ${policy}), migrations among it. ` +
        'Set "maxmemory-policy noeviction" in its configuration, or now with: redis-cli CONFIG SET maxmemory-policy noeviction',
      { context: { host, option: 'maxmemory-policy' } },
    )
  }
}

function field(info: string, ...names: string[]): (string | undefined)[] {
  return names.map((name) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1])
}
