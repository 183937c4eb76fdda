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
