import { SaddleError, type SessionStore } from '@saddle/core'
import { RedisConnection, WriteScript, type RedisOptions } from './connection.ts'

/** `nil` has no place in an answer; a value is told from its absence by what goes before it. */
const found = '"+" .. '

const set = `local function set(key, value, expiresAt)
  redis.call('SET', key, value)
  redis.call('PEXPIREAT', key, expiresAt)
end`

/** Keys: entry. Values: value, end. */
const setEntry = new WriteScript(`${set} set(KEYS[2], ARGV[2], ARGV[3]) return 'OK'`)

/** Keys: entry. Values: expected ('' for none, else with a + before), value, end. */
const replaceEntry = new WriteScript(`${set}
  local present = redis.call('GET', KEYS[2])
  if (present and ${found}present or '') ~= ARGV[2] then return 'NO' end
  set(KEYS[2], ARGV[3], ARGV[4])
  return 'OK'`)

/** Keys: entry. */
const takeEntry = new WriteScript(`
  local value = redis.call('GETDEL', KEYS[2])
  return value and ${found}value or ''`)

/** Keys: entry before, entry after. Values: value, end. */
const rotateEntry = new WriteScript(`${set}
  if redis.call('DEL', KEYS[2]) == 0 then return 'NO' end
  set(KEYS[3], ARGV[2], ARGV[3])
  return 'OK'`)

/** Keys: entry. */
const deleteEntry = new WriteScript(`return redis.call('DEL', KEYS[2]) == 1 and 'OK' or 'NO'`)

/** Keeps sessions in Redis, for servers on more than one machine. */
export class RedisSessionStore implements SessionStore {
  readonly #connection: RedisConnection
  readonly #ownsConnection: boolean
  #closed = false

  /** @param connection - shared with others; it is not closed with the store */
  constructor(connection: RedisConnection, ownsConnection = false) {
    this.#connection = connection
    this.#ownsConnection = ownsConnection
  }

  /**
   * Connects to a Redis server.
   *
   * @throws SaddleError as {@link RedisConnection.open}
   */
  static async open(options: RedisOptions): Promise<RedisSessionStore> {
    return new RedisSessionStore(await RedisConnection.open(options), true)
  }

  async get(key: string): Promise<string | undefined> {
    this.#check()
    return (await this.#connection.read((redis) => redis.get(this.#key(key)))) ?? undefined
  }

  async set(key: string, value: string, expiresAt: number): Promise<void> {
    await this.#write(setEntry, [key], [value, expiresAt])
  }

  async replace(key: string, expected: string | undefined, value: string, expiresAt: number): Promise<boolean> {
    return (await this.#write(replaceEntry, [key], [expected === undefined ? '' : `+${expected}`, value, expiresAt])) === 'OK'
  }

  async take(key: string): Promise<string | undefined> {
    const answer = await this.#write(takeEntry, [key], [])
    return answer === '' ? undefined : answer.slice(1)
  }

  async rotate(from: string, to: string, value: string, expiresAt: number): Promise<boolean> {
    return (await this.#write(rotateEntry, [from, to], [value, expiresAt])) === 'OK'
  }

  async delete(key: string): Promise<boolean> {
    return (await this.#write(deleteEntry, [key], [])) === 'OK'
  }

  async ping(): Promise<void> {
    this.#check()
    await this.#connection.read((redis) => redis.ping())
  }

  async close(): Promise<void> {
    this.#closed = true
    if (this.#ownsConnection) this.#connection.close()
  }

  #write(script: WriteScript, keys: readonly string[], values: readonly (string | number)[]): Promise<string> {
    this.#check()
    return this.#connection.write(script, keys.map((key) => this.#key(key)), values)
  }

  #key = (key: string): string => this.#connection.key('session', key)

  #check(): void {
    if (this.#closed) throw new SaddleError('STORE_FAILED', 'The store was closed.')
  }
}
