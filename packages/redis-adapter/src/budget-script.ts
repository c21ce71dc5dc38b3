import { Script } from './connection.ts'

/**
 * What a server told of its bucket is in the state, and counts in place of the points that a process knows beforehand.
 *
 * Keys: state (hash), running (sorted set of the ends of what is under way). Values: id, how long a request may be under way
 * at most, concurrency ('' for any), points of the request, whether it creates, points' amount and interval ('' for none),
 * then amount and interval of each limit of creation.
 *
 * Returns 'OK', or what to wait for and how many milliseconds. It takes from all or from none. Levels are kept with the time
 * they were true at, by the server's clock.
 */
export const drawScript = new Script(`
  local t = redis.call('TIME')
  local now = t[1] * 1000 + math.floor(t[2] / 1000)
  local state, running = KEYS[1], KEYS[2]
  local paused = tonumber(redis.call('HGET', state, 'pausedUntil') or '0') - now
  if paused > 0 then return 'told ' .. math.ceil(paused) end

  local buckets = {}
  local function bucket(name, points, amount, interval)
    local perMs = tonumber(amount) / tonumber(interval)
    local level = tonumber(redis.call('HGET', state, name) or amount)
    local at = tonumber(redis.call('HGET', state, name .. ':at') or now)
    level = math.min(tonumber(amount), level + math.max(0, now - at) * perMs)
    local missing = math.min(points, tonumber(amount)) - level
    table.insert(buckets, { name = name, level = level - points })
    return missing <= 1e-9 and 0 or math.ceil(missing / perMs)
  end

  local creation = 0
  if ARGV[5] == '1' then
    for index = 8, #ARGV, 2 do
      creation = math.max(creation, bucket('creation' .. index, 1, ARGV[index], ARGV[index + 1]))
    end
  end
  if creation > 0 then return 'creation ' .. creation end
  local told = redis.call('HMGET', state, 'amount', 'interval')
  local amount, interval = told[1] or ARGV[6], told[2] or ARGV[7]
  if amount ~= '' then
    local wait = bucket('points', tonumber(ARGV[4]), amount, interval)
    if wait > 0 then return 'points ' .. wait end
  end
  if ARGV[3] ~= '' then
    redis.call('ZREMRANGEBYSCORE', running, '-inf', now)
    if redis.call('ZCARD', running) >= tonumber(ARGV[3]) then return 'concurrency 0' end
    redis.call('ZADD', running, now + tonumber(ARGV[2]), ARGV[1])
    redis.call('PEXPIRE', running, ARGV[2])
  end
  for _, one in ipairs(buckets) do
    redis.call('HSET', state, one.name, string.format('%.6f', one.level), one.name .. ':at', string.format('%.0f', now))
  end
  redis.call('PEXPIRE', state, 86400000)
  return 'OK'`)

/** Keys: state. Values: milliseconds. Later ends win. */
export const pauseScript = new Script(`
  local t = redis.call('TIME')
  local untilMs = t[1] * 1000 + math.floor(t[2] / 1000) + tonumber(ARGV[1])
  if tonumber(redis.call('HGET', KEYS[1], 'pausedUntil') or '0') < untilMs then
    redis.call('HSET', KEYS[1], 'pausedUntil', string.format('%.0f', untilMs))
    redis.call('PEXPIRE', KEYS[1], 86400000)
  end
  return 'OK'`)

/** Keys: state. Values: amount and interval of the server's bucket, and what is left in it. A level is never raised by it. */
export const learnScript = new Script(`
  local state = KEYS[1]
  local t = redis.call('TIME')
  local now = t[1] * 1000 + math.floor(t[2] / 1000)
  local known = redis.call('HMGET', state, 'points', 'points:at')
  local level = tonumber(ARGV[3])
  if known[1] then
    local refilled = (now - tonumber(known[2])) * tonumber(ARGV[1]) / tonumber(ARGV[2])
    level = math.min(level, tonumber(known[1]) + math.max(0, refilled))
  end
  redis.call('HSET', state, 'amount', ARGV[1], 'interval', ARGV[2], 'points', string.format('%.6f', level), 'points:at', string.format('%.0f', now))
  redis.call('PEXPIRE', state, 86400000)
  return 'OK'`)
