import { randomUUID } from 'node:crypto'
import {
  migrationStatuses,
  type BulkChange, type BulkItem, type BulkItemChange, type BulkItemExpectation, type BulkItemQuery, type BulkPage, type BulkQuery,
  type BulkRecord, type BulkStore, type MigrationStatus, type NewBulk, type NewBulkItem,
} from '@saddle/core'
import { bulkFailures, changeItem, decodeCursor, encodeCursor, isExpected, limitOf, newBulk, withChange } from '@saddle/core/store/kit'
import type { RedisConnection } from '../connection.ts'
import * as scripts from './bulk-scripts.ts'
import { idIn, memberOf } from './migration-keys.ts'

/** Items that one script writes, so that no other client waits long for it. */
const chunkSize = 250

/** What is stored as JSON: the record without what changes with its items. */
type OwnFields = NewBulk & { /** Where its items are. */ parts: string }

/** Bulk migrations in Redis: one hash for each, and one entry of another for each of its repositories. */
export class RedisBulkStore implements BulkStore {
  readonly #connection: RedisConnection
  readonly #check: () => void

  /** @param check - throws when the store cannot be used any more */
  constructor(connection: RedisConnection, check: () => void) {
    this.#connection = connection
    this.#check = check
  }

  async create(newRecord: NewBulk, newItems: readonly NewBulkItem[]): Promise<void> {
    this.#check()
    const { record, items } = newBulk(newRecord, newItems)
    const { id, owner = '', idempotencyKey, endedAt } = newRecord
    const parts = randomUUID()
    for (let from = 0; from < items.length; from += chunkSize) {
      const chunk = items.slice(from, from + chunkSize)
      await this.#connection.write(
        scripts.stageItems,
        [this.#items(parts), ...chunk.map(({ status }) => this.#withStatus(parts, status))],
        chunk.flatMap((item) => [item.index, textOf(item)]),
      )
    }
    const key = this.#bulk(id)
    const unique = idempotencyKey === undefined ? undefined : this.#unique(owner, idempotencyKey)
    const partKeys = [this.#items(parts), this.#changes(parts), ...migrationStatuses.map((status) => this.#withStatus(parts, status))]
    const lists = [this.#all, this.#startedBy(owner)]
    const own: OwnFields = { ...newRecord, parts }
    const answer = await this.#connection.write(
      scripts.createBulk,
      [key, unique ?? key, this.#ended, ...partKeys, ...lists],
      [
        JSON.stringify(own), JSON.stringify(countersOf(record)), memberOf(newRecord), id, endedAt ? Date.parse(endedAt) : '',
        JSON.stringify({ parts: [...partKeys, ...(unique === undefined ? [] : [unique])], lists }), partKeys.length,
      ],
    )
    if (answer === 'ID') throw bulkFailures.idTaken(id)
    if (answer === 'KEY') throw bulkFailures.idempotencyKeyTaken()
  }

  async get(id: string): Promise<BulkRecord | undefined> {
    const fields = await this.#read(id)
    return fields && recordOf(fields)
  }

  async update(id: string, change: BulkChange): Promise<BulkRecord> {
    for (;;) {
      const fields = await this.#read(id)
      if (!fields) throw bulkFailures.unknown(id)
      const after = withChange<OwnFields>(JSON.parse(fields['record']!) as OwnFields, change)
      const end = after.endedAt === undefined ? '' : Date.parse(after.endedAt)
      const answer = await this.#connection.write(
        scripts.updateBulk,
        [this.#bulk(id), this.#ended],
        [fields['record']!, JSON.stringify(after), new Date().toISOString(), id, end],
      )
      if (answer === 'UNKNOWN') throw bulkFailures.unknown(id)
      // RACE: somebody else changed the record in between; look again.
      if (answer !== 'RACE') return recordOf(pairs(JSON.parse(answer) as string[]))
    }
  }

  async list(query: BulkQuery): Promise<BulkPage> {
    const limit = limitOf(query.limit, 50, 500)
    const found: BulkRecord[] = []
    for await (const record of this.#candidates(query, limit)) {
      found.push(record)
      if (found.length > limit) break
    }
    const items = found.slice(0, limit)
    const last = items.at(-1)
    return last && found.length > limit ? { items, cursor: encodeCursor(last) } : { items }
  }

  async items(id: string, { status, after = -1, changedAfter, limit: asked }: BulkItemQuery = {}): Promise<BulkItem[]> {
    const parts = await this.#parts(id)
    if (parts === undefined) return []
    const limit = limitOf(asked, 100, 1000)
    if (changedAfter !== undefined) return this.#changed(parts, changedAfter, limit, (item) => item.index > after && (!status || status.includes(item.status)))
    const lists = await this.#connection.read((redis) =>
      Promise.all((status ?? migrationStatuses).map((one) => redis.zrange(this.#withStatus(parts, one), `(${after}`, '+inf', 'BYSCORE', 'LIMIT', 0, limit))),
    )
    const indexes = [...new Set(lists.flat().map(Number))].sort((a, b) => a - b).slice(0, limit)
    const items = await this.#byIndex(parts, indexes)
    // Between the two reads an item may have changed its status.
    return status ? items.filter((item) => status.includes(item.status)) : items
  }

  async item(id: string, index: number): Promise<BulkItem | undefined> {
    const parts = await this.#parts(id)
    return parts === undefined ? undefined : (await this.#byIndex(parts, [index]))[0]
  }

  async updateItem(id: string, index: number, change: BulkItemChange, expected?: BulkItemExpectation): Promise<boolean> {
    const parts = await this.#parts(id)
    if (parts === undefined) throw bulkFailures.unknown(id)
    for (;;) {
      const [item] = await this.#byIndex(parts, [index])
      if (!item) throw bulkFailures.unknownItem(id, index)
      if (!isExpected(item, expected)) return false
      if ((await this.#change(id, parts, [item], change)) === 1) return true
    }
  }

  async updateItems(id: string, from: readonly MigrationStatus[], change: BulkItemChange): Promise<number> {
    if ((await this.#parts(id)) === undefined) throw bulkFailures.unknown(id)
    let count = 0
    for (let after = -1; ; ) {
      const items = await this.items(id, { status: from, after, limit: chunkSize })
      const last = items.at(-1)
      if (!last) return count
      const changed = await this.#change(id, (await this.#parts(id))!, items, change)
      count += changed
      // Some changed in between: look at these again. The others are not in the lists any more, or behind.
      if (changed === items.length) after = last.index
    }
  }

  async prune(before: Date): Promise<number> {
    this.#check()
    let count = 0
    for (;;) {
      const ids = await this.#connection.read((redis) => redis.zrange(this.#ended, '-inf', `(${before.getTime()}`, 'BYSCORE', 'LIMIT', 0, 100))
      let forgotten = 0
      for (const id of ids) {
        const record = await this.get(id)
        const values = [id, record ? memberOf(record) : '', before.getTime()]
        if ((await this.#connection.write(scripts.forgetBulk, [this.#bulk(id), this.#ended], values)) === 'OK') forgotten++
      }
      count += forgotten
      if (forgotten === 0) return count
    }
  }

  async #change(id: string, parts: string, items: readonly BulkItem[], change: BulkItemChange): Promise<number> {
    const firstList = 5
    const values = items.flatMap((before) => {
      const { item, delta } = changeItem(before, change, before.revision)
      const lists = [before, item].map(({ status }) => firstList + migrationStatuses.indexOf(status))
      return [before.index, textOf(before), jsonOf(item), ...lists, before.status, item.status, delta.workDone, delta.bytes]
    })
    const keys = [this.#bulk(id), this.#items(parts), this.#changes(parts), ...migrationStatuses.map((status) => this.#withStatus(parts, status))]
    const answer = await this.#connection.write(scripts.changeItems, keys, [new Date().toISOString(), ...values])
    if (answer === 'UNKNOWN') throw bulkFailures.unknown(id)
    return Number(answer)
  }

  async #changed(parts: string, after: number, limit: number, wanted: (item: BulkItem) => boolean): Promise<BulkItem[]> {
    const indexes = await this.#connection.read((redis) => redis.zrange(this.#changes(parts), `(${after}`, '+inf', 'BYSCORE', 'LIMIT', 0, limit))
    const items = await this.#byIndex(parts, indexes.map(Number))
    return items.filter(wanted).sort((a, b) => a.revision - b.revision)
  }

  async #byIndex(parts: string, indexes: readonly number[]): Promise<BulkItem[]> {
    if (indexes.length === 0) return []
    const texts = await this.#connection.read((redis) => redis.hmget(this.#items(parts), ...indexes.map(String)))
    return texts.flatMap((text, at) => (text === null ? [] : [itemOf(text, indexes[at]!)]))
  }

  async *#candidates({ status, startedBy, idempotencyKey, cursor }: BulkQuery, limit: number): AsyncGenerator<BulkRecord> {
    this.#check()
    const mark = cursor === undefined ? undefined : decodeCursor(cursor)
    const by = startedBy ?? (idempotencyKey === undefined ? undefined : '')
    const list = by === undefined ? this.#all : this.#startedBy(by)
    for (let from = mark ? `(${memberOf(mark)}` : '+'; ; ) {
      const members = await this.#connection.read((redis) => redis.zrevrangebylex(list, from, '-', 'LIMIT', 0, Math.min(200, limit + 1)))
      if (members.length === 0) return
      for (const record of await Promise.all(members.map((member) => this.get(idIn(member))))) {
        if (!record || (status !== undefined && record.status !== status)) continue
        if (idempotencyKey === undefined || record.idempotencyKey === idempotencyKey) yield record
      }
      from = `(${members.at(-1)}`
    }
  }

  async #read(id: string): Promise<Record<string, string> | undefined> {
    this.#check()
    const fields = await this.#connection.read((redis) => redis.hgetall(this.#bulk(id)))
    return fields['record'] === undefined ? undefined : fields
  }

  async #parts(id: string): Promise<string | undefined> {
    this.#check()
    const text = await this.#connection.read((redis) => redis.hget(this.#bulk(id), 'record'))
    return text === null ? undefined : (JSON.parse(text) as OwnFields).parts
  }

  get #all(): string {
    return this.#connection.key('bulks', 'all')
  }

  get #ended(): string {
    return this.#connection.key('bulks', 'ended')
  }

  #bulk = (id: string): string => this.#connection.key('bulk', id)
  #items = (parts: string): string => this.#connection.key('bulk-items', parts)
  #changes = (parts: string): string => this.#connection.key('bulk-items', parts, 'changes')
  #withStatus = (parts: string, status: MigrationStatus): string => this.#connection.key('bulk-items', parts, status)
  #startedBy = (owner: string): string => this.#connection.key('bulks', 'startedBy', owner)
  #unique = (owner: string, key: string): string => this.#connection.key('bulks', 'key', JSON.stringify([owner, key]))
}

/** The counting fields of a record, by turns with their values. */
function countersOf({ counts, work, bytes, revision, updatedAt }: BulkRecord): string[] {
  const { total, pending, in_progress, completed, failed, cancelled } = counts
  const values = { total, pending, in_progress, completed, failed, cancelled, workTotal: work.total, workDone: work.done, bytes, revision }
  return [...Object.entries(values).flatMap(([name, value]) => [name, String(value)]), 'updatedAt', updatedAt]
}

function recordOf(fields: Record<string, string>): BulkRecord {
  const { parts: _parts, ...own } = JSON.parse(fields['record']!) as OwnFields
  const number = (name: string) => Number(fields[name])
  return {
    ...own,
    updatedAt: fields['updatedAt']!,
    counts: {
      total: number('total'),
      pending: number('pending'),
      in_progress: number('in_progress'),
      completed: number('completed'),
      failed: number('failed'),
      cancelled: number('cancelled'),
    },
    work: { total: number('workTotal'), done: number('workDone') },
    bytes: number('bytes'),
    revision: number('revision'),
  }
}

function jsonOf({ index: _index, revision: _revision, ...item }: BulkItem): string {
  return JSON.stringify(item)
}

const textOf = (item: BulkItem): string => `${item.revision}\n${jsonOf(item)}`

function itemOf(text: string, index: number): BulkItem {
  const end = text.indexOf('\n')
  return { ...(JSON.parse(text.slice(end + 1)) as Omit<BulkItem, 'index' | 'revision'>), index, revision: Number(text.slice(0, end)) }
}

const pairs = (list: readonly string[]): Record<string, string> =>
  Object.fromEntries(list.flatMap((name, at) => (at % 2 === 0 ? [[name, list[at + 1]!]] : [])))
