import type { ExecutionContext } from 'ava'
import { all, blob } from '../../runtime/durable/contract/store-under-test.ts'
import { lmdbStore } from '../../runtime/durable/lmdb/index.ts'
import { mongodbStore } from '../../runtime/durable/mongodb/index.ts'
import type { Store } from '../../runtime/index.ts'

/**
 * Called before and after each call of a journal or snapshot, and each change of a document. The call waits for it, and
 * fails if it throws.
 */
export type Interruption = (call: string, when: 'before' | 'after') => void | Promise<void>

/** A store whose calls can be held up and made to fail, before or after they take effect. */
export function interruptedStore(store: Store, interrupt: Interruption): Store {
  const through = async <Result>(call: string, work: () => Promise<Result>): Promise<Result> => {
    await interrupt(call, 'before')
    const result = await work()
    await interrupt(call, 'after')
    return result
  }
  const { documents } = store
  return {
    documents: {
      get: (collection, id) => documents.get(collection, id),
      find: (collection, options) => documents.find(collection, options),
      insert: (collection, given) => through('insert', () => documents.insert(collection, given)),
      insertAll: (given) => through('insert', () => documents.insertAll(given)),
      replace: (collection, id, expected, fields) =>
        through('replace', () => documents.replace(collection, id, expected, fields)),
      remove: (collection, id) => through('remove-document', () => documents.remove(collection, id)),
      removeAll: (collection, ids) => through('remove-document', () => documents.removeAll(collection, ids)),
    },
    load: (key) => through('load', () => store.load(key)),
    save: (key, expected, bytes) => through('save', () => store.save(key, expected, bytes)),
    remove: (key) => through('remove', () => store.remove(key)),
    append: (key, bytes, options) => through('append', () => store.append(key, bytes, options)),
    async *read(key, options) {
      await interrupt('read', 'before')
      yield* store.read(key, options)
    },
    truncate: (key, upTo) => through('truncate', () => store.truncate(key, upTo)),
    putBlob: (key, source) => store.putBlob(key, source),
    getBlob: (key) => store.getBlob(key),
    removeBlob: (key) => store.removeBlob(key),
    probe: () => through('probe', () => store.probe()),
    close: () => store.close(),
  }
}

/** A gate where work waits until a test opens it. */
export interface Gate {
  readonly passed: Promise<void>
  open(): void
}

export function gate(): Gate {
  let open = () => {}
  const passed = new Promise<void>((resolve) => {
    open = resolve
  })
  return { passed, open: () => open() }
}

/** Opens a store of LMDB in a folder, or of MongoDB at a URL. */
export function storeOpenedAt(location: string): Promise<Store> {
  return location.startsWith('mongodb') ? mongodbStore(location) : lmdbStore(location)
}

/** The last number whose writes `store-writer` has printed as acknowledged. */
export function acknowledged(lines: readonly string[]): number {
  return Number(lines.findLast((line) => line.startsWith('written'))?.split(' ')[1] ?? 0)
}

/** Checks that a store has all writes up to the acknowledged number, at most one more, and each write whole. */
export async function checkWhole(t: ExecutionContext, store: Store, seed: string, last: number): Promise<void> {
  const entries = await all(store.read(`journal-${seed}`))
  t.true(
    entries.length >= 2 * last && entries.length <= 2 * last + 2,
    `${entries.length} entries, ${last} acknowledged`,
  )
  for (const [index, { number, bytes }] of entries.entries()) {
    t.is(number, index + 1)
    const n = 1 + (index >> 1)
    t.true(bytes.every((byte) => byte === (n & 0xff)))
  }
  const state = await store.load(`state-${seed}`)
  const version = state?.version ?? 0
  t.true(version === last || version === last + 1)
  t.true(state === undefined || state.bytes.every((byte) => byte === (version & 0xff)))
  const pair = await store.documents.get('pairs', `${seed}-pair`)
  t.true(last === 0 || pair?.fields.n === last || pair?.fields.n === last + 1)
  const own = (collection: string, where = {}) =>
    all(store.documents.find(collection, { where })).then((found) =>
      found.filter(({ id }) => id.startsWith(`${seed}-`)),
    )
  const items = await own('items')
  t.true(items.length >= last && items.length <= last + 1)
  t.is((await own('parts')).length, 2 * items.length, 'documents inserted together are there together')
  for (const { id, fields } of items) {
    const parts = await own('parts', fields)
    t.deepEqual(
      parts.map((part) => part.id),
      [`${id}-a`, `${id}-b`],
    )
  }
  const content = await blob(store, `blob-${seed}`)
  const number = content?.[0] ?? 0
  t.true(last === 0 || number === (last & 0xff) || number === ((last + 1) & 0xff))
  t.true(content === undefined || content.every((byte) => byte === number))
}
