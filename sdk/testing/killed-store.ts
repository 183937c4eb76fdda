import type { Documents, Store } from '../../runtime/index.ts'

/** The life of a process that ends at one of its steps. Later steps have no effect. */
export interface Life {
  readonly ended: boolean
  /** Does a step, unless the process has ended. */
  step<Result>(work: () => Promise<Result>): Promise<Result>
}

/** Makes a life that ends just before, or just after, the effect of its last step, whose number (from 1) is `steps`. */
export function lifeOf(steps: number, endsAfter: boolean): Life {
  let left = steps
  let ended = false
  return {
    get ended() {
      return ended
    },
    async step(work) {
      if (ended) throw new Error('the process has ended')
      left -= 1
      if (left > 0) return work()
      ended = true
      if (endsAfter) await work()
      throw new Error('the process ends here')
    },
  }
}

/** A store for a process with this life. Completed writes stay in the underlying store. */
export function killedStore(store: Store, life: Life): Store {
  return {
    load: (key) => store.load(key),
    read: (key, options) => store.read(key, options),
    save: (key, expected, bytes) => life.step(() => store.save(key, expected, bytes)),
    append: (key, bytes, options) => life.step(() => store.append(key, bytes, options)),
    truncate: (key, upTo) => life.step(() => store.truncate(key, upTo)),
    remove: (key) => life.step(() => store.remove(key)),
    documents: killedDocuments(store.documents, life),
    putBlob: (key, source) => life.step(() => store.putBlob(key, source)),
    getBlob: (key) => store.getBlob(key),
    removeBlob: (key) => life.step(() => store.removeBlob(key)),
    probe: () => store.probe(),
    close: () => store.close(),
  }
}

function killedDocuments(documents: Documents, life: Life): Documents {
  return {
    get: (collection, id) => documents.get(collection, id),
    find: (collection, options) => documents.find(collection, options),
    insert: (collection, given) => life.step(() => documents.insert(collection, given)),
    insertAll: (given) => life.step(() => documents.insertAll(given)),
    replace: (collection, id, expected, fields) => life.step(() => documents.replace(collection, id, expected, fields)),
    remove: (collection, id) => life.step(() => documents.remove(collection, id)),
    removeAll: (collection, ids) => life.step(() => documents.removeAll(collection, ids)),
  }
}
