import { Script, WriteScript } from '../connection.ts'

/**
 * Parts of scripts. A lease is a hash {fence, holder, expires}; `expires` is 0 once it was given up. Fences come from one
 * counter, so a lease's hash may itself expire without a fence ever coming again. The clock is the server's, the same for all.
 */
const clock = `
  local t = redis.call('TIME')
  local now = t[1] * 1000 + math.floor(t[2] / 1000)
  local function text(number) return string.format('%.0f', number) end`

/** Refuses a write whose fence (possibly none: '') is older than the newest of its lease. */
const guard = (lease: string, fence: string): string => `
  if ${fence} ~= '' and tonumber(redis.call('HGET', ${lease}, 'fence') or '0') > tonumber(${fence}) then return 'LOST' end`

/** Keys: migration, unique key (or ''), ended, indexes... Values: record, status, member, indexes as JSON, end in ms or ''. */
export const createMigration = new WriteScript(`
  if redis.call('EXISTS', KEYS[2]) == 1 then return 'ID' end
  local id = ARGV[7]
  if KEYS[3] ~= KEYS[2] then
    if redis.call('EXISTS', KEYS[3]) == 1 then return 'KEY' end
    redis.call('SET', KEYS[3], id)
  end
  redis.call('HSET', KEYS[2], 'record', ARGV[2], 'status', ARGV[3], 'seq', '0', 'keys', ARGV[5])
  for index = 5, #KEYS do redis.call('ZADD', KEYS[index], 0, ARGV[4]) end
  if ARGV[6] ~= '' then redis.call('ZADD', KEYS[4], ARGV[6], id) end
  return 'OK'`)

/** Keys: migration, lease, ended, index of the status before, and after. Values: fence, record before, after, status, member, end, id, keys. */
export const updateMigration = new WriteScript(`
  ${guard('KEYS[3]', 'ARGV[2]')}
  local record = redis.call('HGET', KEYS[2], 'record')
  if not record then return 'UNKNOWN' end
  if record ~= ARGV[3] then return 'RACE' end
  redis.call('HSET', KEYS[2], 'record', ARGV[4], 'status', ARGV[5], 'keys', ARGV[9])
  if KEYS[5] ~= KEYS[6] then
    redis.call('ZREM', KEYS[5], ARGV[6])
    redis.call('ZADD', KEYS[6], 0, ARGV[6])
  end
  if ARGV[7] ~= '' then redis.call('ZADD', KEYS[4], ARGV[7], ARGV[8]) else redis.call('ZREM', KEYS[4], ARGV[8]) end
  return 'OK'`)

/** Keys: migration, lease, stream. Values: fence, then seq and event by turns. Streams keep a gap-free `seq` as their ids. */
export const appendEvents = new WriteScript(`
  ${guard('KEYS[3]', 'ARGV[2]')}
  local seq = redis.call('HGET', KEYS[2], 'seq')
  if not seq then return 'UNKNOWN' end
  local expected = tonumber(seq) + 1
  for index = 3, #ARGV, 2 do
    if tonumber(ARGV[index]) ~= expected then return 'SEQ ' .. expected .. ' ' .. ARGV[index] end
    expected = expected + 1
  end
  for index = 3, #ARGV, 2 do redis.call('XADD', KEYS[4], ARGV[index] .. '-0', 'event', ARGV[index + 1]) end
  redis.call('HSET', KEYS[2], 'seq', expected - 1)
  return 'OK'`)

/** Keys: migration, lease, list. Values: fence, entry. */
export const appendJournal = new WriteScript(`
  ${guard('KEYS[3]', 'ARGV[2]')}
  if redis.call('EXISTS', KEYS[2]) == 0 then return 'UNKNOWN' end
  redis.call('RPUSH', KEYS[4], ARGV[3])
  return 'OK'`)

/** A lease's hash is kept this long after its last use, in milliseconds. */
const leaseMemory = 30 * 24 * 3_600_000

/** Keys: lease, counter of fences. Values: holder, ttl. Returns fence and expiry, or 'HELD'. */
export const acquireLease = new WriteScript(`
  ${clock}
  if tonumber(redis.call('HGET', KEYS[2], 'expires') or '0') > now then return 'HELD' end
  local fence = redis.call('INCR', KEYS[3])
  local expires = text(now + tonumber(ARGV[3]))
  redis.call('HSET', KEYS[2], 'fence', fence, 'holder', ARGV[2], 'expires', expires)
  redis.call('PEXPIRE', KEYS[2], ${leaseMemory})
  return fence .. ' ' .. expires`)

/** Keys: lease. Returns fence, expiry and holder, or '' when nobody holds it. */
export const getLease = new Script(`
  ${clock}
  local lease = redis.call('HMGET', KEYS[1], 'fence', 'expires', 'holder')
  if not lease[1] or tonumber(lease[2]) <= now then return '' end
  return lease[1] .. ' ' .. lease[2] .. ' ' .. lease[3]`)

/** Keys: lease. Values: fence, ttl. An expired lease that nobody took is still its holder's; one that was given up is not. */
export const renewLease = new WriteScript(`
  ${clock}
  local lease = redis.call('HMGET', KEYS[2], 'fence', 'expires')
  if lease[1] ~= ARGV[2] or lease[2] == '0' then return 'LOST' end
  redis.call('HSET', KEYS[2], 'expires', text(now + tonumber(ARGV[3])))
  redis.call('PEXPIRE', KEYS[2], ${leaseMemory})
  return 'OK'`)

/** Keys: lease. Values: fence. */
export const releaseLease = new WriteScript(`
  if redis.call('HGET', KEYS[2], 'fence') == ARGV[2] then redis.call('HSET', KEYS[2], 'expires', '0') end
  return 'OK'`)

/** Keys: migration, stream, journal, ended. Values: id, member, latest end. Index keys come from the record's own note. */
export const forgetMigration = new WriteScript(`
  local ended = redis.call('ZSCORE', KEYS[5], ARGV[2])
  if not ended or tonumber(ended) >= tonumber(ARGV[4]) then return 'KEPT' end
  for _, key in ipairs(cjson.decode(redis.call('HGET', KEYS[2], 'keys') or '[]')) do
    if redis.call('TYPE', key).ok == 'zset' then redis.call('ZREM', key, ARGV[3]) else redis.call('DEL', key) end
  end
  redis.call('ZREM', KEYS[5], ARGV[2])
  redis.call('DEL', KEYS[2], KEYS[3], KEYS[4])
  return 'OK'`)
