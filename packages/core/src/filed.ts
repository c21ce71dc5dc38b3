import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { SaddleError } from '@saddle/transport'
import { stepNames, type MigrationRecord } from './record.ts'
import { sourceName, targetName, type NormalizedRequest } from './request.ts'
import { emptySnapshot } from './snapshot.ts'
import type { MigrationStore } from './store/store.ts'

/** How a migration is filed. */
export interface CreateOptions {
  /** A UUID by default. */
  id?: string | undefined
  /** Opaque: who starts it. */
  owner?: string | undefined
  /** The same key from the same owner gives the same migration. */
  idempotencyKey?: string | undefined
  /** The bulk migration that it belongs to. */
  bulkId?: string | undefined
}

/** The migrations between two servers that a store remembers: files new ones, and finds those of before. */
export class FiledMigrations {
  readonly #store: MigrationStore
  readonly #hosts: MigrationRecord['hosts']

  /** @param hosts - host and port of the two servers */
  constructor(store: MigrationStore, hosts: MigrationRecord['hosts']) {
    this.#store = store
    this.#hosts = hosts
  }

  /**
   * Files a migration, or finds the one with the same idempotency key.
   *
   * @throws SaddleError `CONFLICT` for an id that is taken, and for a key that came with another request before
   */
  async create(request: NormalizedRequest, { id, owner, idempotencyKey, bulkId }: CreateOptions = {}): Promise<MigrationRecord> {
    const known = await this.#byIdempotencyKey(request, owner, idempotencyKey)
    if (known) return known
    const now = new Date().toISOString()
    const { message } = emptySnapshot()
    const record: MigrationRecord = {
      id: id ?? randomUUID(),
      ...(owner === undefined ? {} : { owner }),
      ...(bulkId === undefined ? {} : { bulkId }),
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
      request,
      hosts: { ...this.#hosts },
      status: 'pending',
      createdAt: now,
      updatedAt: now,
      steps: stepNames.map((name) => ({ name, status: 'pending' })),
      progress: { percentage: 0, bytes: 0, objects: 0, message },
      losses: [],
      transferred: { bytes: 0, objects: 0 },
    }
    await this.#store.createMigration(record)
    return record
  }

  /** Migrations of the same source to the same target, newest first. */
  async earlier(request: NormalizedRequest, except?: string): Promise<MigrationRecord[]> {
    const { project, repository } = request.source
    const { items } = await this.#store.listMigrations({ target: targetName(request), project, repository, limit: 200 })
    const hosts = this.#hosts
    return items.filter((record) => record.id !== except && record.hosts.source === hosts.source && record.hosts.target === hosts.target)
  }

  /** The latest migration of the same source to the same target, by the same owner, if it did not complete. */
  async unfinished(request: NormalizedRequest, options: CreateOptions): Promise<MigrationRecord | undefined> {
    if (options.id !== undefined) {
      const known = await this.#store.getMigration(options.id)
      if (!known || (sourceName(known.request) === sourceName(request) && targetName(known.request) === targetName(request))) return known
      throw new SaddleError('CONFLICT', `The migration ${options.id} is one of another repository or to another target.`, {
        context: { migrationId: options.id, option: 'id' },
      })
    }
    // A key, or a bulk migration, stands for a migration of its own.
    if (options.idempotencyKey !== undefined || options.bulkId !== undefined) return undefined
    const [latest] = await this.earlier(request)
    return latest?.status === 'completed' || latest?.owner !== options.owner ? undefined : latest
  }

  /** The record; `NOT_FOUND` for an unknown id. */
  async existing(id: string): Promise<MigrationRecord> {
    const record = await this.#store.getMigration(id)
    if (record) return record
    throw new SaddleError('NOT_FOUND', `There is no migration ${id} in this store. Check the id (command: saddle history).`, { context: { migrationId: id } })
  }

  /** Nobody continues a migration against other servers. */
  checkHosts({ id, hosts }: MigrationRecord): void {
    const { source, target } = this.#hosts
    if (hosts.source === source && hosts.target === target) return
    throw new SaddleError(
      'INVALID_INPUT',
      `The migration ${id} goes from ${hosts.source} to ${hosts.target}; this engine speaks to ${source} and ${target}.`,
      { context: { migrationId: id } },
    )
  }

  /** One writer for each target. */
  leaseKey(request: NormalizedRequest): string {
    return `${this.#hosts.target}/${targetName(request)}`.toLowerCase()
  }

  async #byIdempotencyKey(request: NormalizedRequest, owner: string | undefined, key: string | undefined): Promise<MigrationRecord | undefined> {
    if (key === undefined) return undefined
    const startedBy = owner === undefined ? {} : { startedBy: owner }
    const [known] = (await this.#store.listMigrations({ idempotencyKey: key, ...startedBy, limit: 1 })).items
    if (known && !isDeepStrictEqual(known.request, request)) {
      throw new SaddleError('CONFLICT', 'This idempotency key came with another request before. Use a new key for a new request.', {
        context: { option: 'idempotencyKey', migrationId: known.id },
      })
    }
    return known
  }
}
