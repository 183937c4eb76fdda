import type { Documents, Store } from '../../runtime/index.ts'

/** A process that ends at one of its steps: nothing that it begins from then on has any effect. */
export interface Life {
  readonly ended: boolean
  /** Does a step, if the process still lives. */
  step<Result>(work: () => Promise<Result>): Promise<Result>
}

/** Ends just before, or just after, the step of this number (from 1) had its effect. */
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

/** A store as the process of that life sees it: writes that had their effect stay in the store below. */
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
