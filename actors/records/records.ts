import { setImmediate } from 'node:timers/promises'
import type { z } from 'zod'
import {
  CodedError,
  type DocumentFields,
  type Documents,
  type FindOptions,
  type NewDocument,
} from '../../runtime/index.ts'
import { catalogueError, isRefusal } from '../model/errors.ts'

export interface Stored<Value> {
  readonly id: string
  readonly version: number
  readonly value: Value
}

/** Documents of one kind, checked when they are read. */
export interface Records<Value> {
  get(id: string): Promise<Stored<Value> | undefined>
  /** Inserts all records or none. False if an id is taken. */
  insert(...records: readonly { readonly id: string; readonly value: Value }[]): Promise<boolean>
  /** Makes an entry for `insertEntries`. */
  entry(id: string, value: Value): NewDocument
  /**
   * Replaces a record, and answers with the new one. WRITTEN_MEANWHILE if another writer has changed or removed the
   * record.
   */
  replace(stored: Stored<unknown>, value: Value): Promise<Stored<Value>>
  /** Inserts a record, or replaces the present one. */
  put(id: string, value: Value): Promise<void>
  remove(id: string): Promise<boolean>
  removeAll(records: readonly { readonly id: string }[]): Promise<void>
  find(options?: FindOptions): AsyncIterable<Stored<Value>>
  /** Finds records whose ids begin with a prefix. `after`: begin after the id of the prefix and this rest. */
  below(prefix: string, after?: string): AsyncIterable<Stored<Value>>
}

/** Inserts records of several collections, all or none. False if an id is taken. */
export async function insertEntries(documents: Documents, entries: readonly NewDocument[]): Promise<boolean> {
  try {
    await documents.insertAll(entries)
    return true
  } catch (cause) {
    if (cause instanceof CodedError && cause.code === 'STORE_EXISTS') return false
    throw cause
  }
}

/** Removes the records whose ids begin with a prefix, `size` at a time. */
export function removeBelow(
  records: Pick<Records<unknown>, 'below' | 'removeAll'>,
  prefix: string,
  size: number,
): Promise<void> {
  return inBatches(records.below(prefix), size, (batch) => records.removeAll(batch))
}

export function recordsOf<Model extends z.ZodType<DocumentFields>>(
  documents: Documents,
  collection: string,
  model: Model,
): Records<z.output<Model>> {
  const opened = (document: { readonly id: string; readonly version: number; readonly fields: DocumentFields }) => {
    const { id, version, fields } = document
    const decoded = model.safeParse(fields)
    if (decoded.success) return { id, version, value: decoded.data }
    throw catalogueError('RECORD_DAMAGED', { id, collection }, { cause: decoded.error })
  }
  async function* find(options?: FindOptions) {
    for await (const document of documents.find(collection, options)) yield opened(document)
  }
  async function get(id: string) {
    const document = await documents.get(collection, id)
    return document && opened(document)
  }
  const entry = (id: string, fields: z.output<Model>) => ({ collection, id, fields })
  const insert = (...records: readonly { readonly id: string; readonly value: z.output<Model> }[]) =>
    insertEntries(
      documents,
      records.map(({ id, value }) => entry(id, value)),
    )
  return {
    get,
    insert,
    entry,
    find,
    async replace({ id, version }, value) {
      try {
        return { id, version: await documents.replace(collection, id, version, value), value }
      } catch (cause) {
        if (!(cause instanceof CodedError && cause.code === 'STORE_VERSION')) throw cause
        throw catalogueError('WRITTEN_MEANWHILE', { what: `${collection} ${id}` }, { cause })
      }
    },
    async put(id, value) {
      if (await insert({ id, value })) return
      const present = await documents.get(collection, id)
      if (present) await documents.replace(collection, id, present.version, value)
      else await documents.insert(collection, [{ id, fields: value }])
    },
    remove: (id) => documents.remove(collection, id),
    removeAll: (records) =>
      documents.removeAll(
        collection,
        records.map(({ id }) => id),
      ),
    below: (prefix, after = '') => find({ below: prefix, after: prefix + after }),
  }
}

/** Most attempts of one change. Each failed attempt means that another writer's change has succeeded. */
const mostAttempts = 100

/**
 * Runs a change that reads records and replaces them; repeats the change if another writer was faster.
 * WRITTEN_MEANWHILE.
 */
export async function attempted<Value>(change: () => Promise<Value>): Promise<Value> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await change()
    } catch (cause) {
      if (!(isRefusal(cause) && cause.code === 'WRITTEN_MEANWHILE') || attempt === mostAttempts) throw cause
    }
  }
}

/**
 * Documents that are written together. A store commits them at once, which holds up its thread for some milliseconds.
 */
export const batchSize = 250

/** Works on items in batches of `size`, one batch after another. Other work of the event loop runs in between. */
export async function inBatches<Item>(
  items: AsyncIterable<Item> | Iterable<Item>,
  size: number,
  work: (batch: readonly Item[]) => Promise<unknown>,
): Promise<void> {
  let batch: Item[] = []
  for await (const item of items) {
    batch.push(item)
    if (batch.length < size) continue
    await work(batch)
    batch = []
    await setImmediate()
  }
  if (batch.length > 0) await work(batch)
}
