import { WriteScript } from '../connection.ts'

/**
 * A bulk migration is a hash: `record` as JSON with what only it knows, and a field of its own for each number that changes
 * with its items. An item is `revision`, a line break, and its JSON; that it is unchanged is seen from the whole.
 * Lists: items by index (hash), items by status, items by revision (sorted sets of indexes).
 */
/** Keys: bulk, unique key (or the bulk's), ended, parts' names..., lists. Values: record, counters as JSON, member, id, end, keys as JSON. */
export const createBulk = new WriteScript(`
  if redis.call('EXISTS', KEYS[2]) == 1 then return 'ID' end
  if KEYS[3] ~= KEYS[2] then
    if redis.call('EXISTS', KEYS[3]) == 1 then return 'KEY' end
    redis.call('SET', KEYS[3], ARGV[5])
  end
  redis.call('HSET', KEYS[2], 'record', ARGV[2], 'keys', ARGV[7], unpack(cjson.decode(ARGV[3])))
  if ARGV[6] ~= '' then redis.call('ZADD', KEYS[4], ARGV[6], ARGV[5]) end
  local parts = tonumber(ARGV[8])
  for index = 5, 4 + parts do redis.call('PERSIST', KEYS[index]) end
  for index = 5 + parts, #KEYS do redis.call('ZADD', KEYS[index], 0, ARGV[4]) end
  return 'OK'`)

/** Keys: items, then one list for each item's status. Values: index, item by turns. What is not filed soon disappears. */
export const stageItems = new WriteScript(`
  for index = 2, #ARGV, 2 do
    redis.call('HSET', KEYS[2], ARGV[index], ARGV[index + 1])
    local list = KEYS[2 + index / 2]
    redis.call('ZADD', list, ARGV[index], ARGV[index])
    redis.call('EXPIRE', list, 3600)
  end
  redis.call('EXPIRE', KEYS[2], 3600)
  return 'OK'`)

/** Keys: bulk, ended. Values: record before, after, time, id, end. */
export const updateBulk = new WriteScript(`
  local record = redis.call('HGET', KEYS[2], 'record')
  if not record then return 'UNKNOWN' end
  if record ~= ARGV[2] then return 'RACE' end
  redis.call('HSET', KEYS[2], 'record', ARGV[3], 'updatedAt', ARGV[4])
  redis.call('HINCRBY', KEYS[2], 'revision', 1)
  if ARGV[6] ~= '' then redis.call('ZADD', KEYS[3], ARGV[6], ARGV[5]) else redis.call('ZREM', KEYS[3], ARGV[5]) end
  return cjson.encode(redis.call('HGETALL', KEYS[2]))`)

/**
 * Keys: bulk, items, changes, lists of statuses... Values: time, then for each item: index, item before, JSON after, number of
 * the list before and after, their names, work, bytes. Returns how many were as expected and are changed now.
 */
export const changeItems = new WriteScript(`
  if redis.call('EXISTS', KEYS[2]) == 0 then return 'UNKNOWN' end
  local changed = 0
  for at = 3, #ARGV, 9 do
    local index = ARGV[at]
    if redis.call('HGET', KEYS[3], index) == ARGV[at + 1] then
      local revision = redis.call('HINCRBY', KEYS[2], 'revision', 1)
      redis.call('HSET', KEYS[3], index, revision .. '\\n' .. ARGV[at + 2])
      redis.call('ZADD', KEYS[4], revision, index)
      if ARGV[at + 3] ~= ARGV[at + 4] then
        redis.call('ZREM', KEYS[tonumber(ARGV[at + 3])], index)
        redis.call('ZADD', KEYS[tonumber(ARGV[at + 4])], index, index)
        redis.call('HINCRBY', KEYS[2], ARGV[at + 5], -1)
        redis.call('HINCRBY', KEYS[2], ARGV[at + 6], 1)
      end
      redis.call('HINCRBY', KEYS[2], 'workDone', ARGV[at + 7])
      redis.call('HINCRBY', KEYS[2], 'bytes', ARGV[at + 8])
      changed = changed + 1
    end
  end
  if changed > 0 then redis.call('HSET', KEYS[2], 'updatedAt', ARGV[2]) end
  return tostring(changed)`)

/** Keys: bulk, ended. Values: id, member, latest end. */
export const forgetBulk = new WriteScript(`
  local ended = redis.call('ZSCORE', KEYS[3], ARGV[2])
  if not ended or tonumber(ended) >= tonumber(ARGV[4]) then return 'KEPT' end
  local keys = cjson.decode(redis.call('HGET', KEYS[2], 'keys') or '{"parts":[],"lists":[]}')
  for _, key in ipairs(keys.lists) do redis.call('ZREM', key, ARGV[3]) end
  for _, key in ipairs(keys.parts) do redis.call('DEL', key) end
  redis.call('ZREM', KEYS[3], ARGV[2])
  redis.call('DEL', KEYS[2])
  return 'OK'`)

