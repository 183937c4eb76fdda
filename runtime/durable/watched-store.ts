import type { CodedError } from '../errors/coded-error.ts'
import type { Clock } from '../kernel/clocks.ts'
import { isStoreTrouble } from './errors.ts'
import type { Store } from './store.ts'

export interface StoreWatch {
  readonly clock: Clock
  /** Time between two probes of a store in trouble. Default: 1,000. */
  readonly probeMs?: number
  /** Called with the cause when the store can't be written, once until `onWell`. */
  readonly onTrouble: (cause: CodedError) => void
  /** Called when a probe could be written again. */
  readonly onWell: () => void
}

/** Wraps a store, so that the watch learns when the store can't be written, and when it can be written again. */
export function watchedStore(store: Store, { clock, probeMs = 1000, onTrouble, onWell }: StoreWatch): Store {
  let isInTrouble = false
  let isClosed = false
  let stopProbing = () => {}

  async function seen<Result>(work: Promise<Result>): Promise<Result> {
    try {
      return await work
    } catch (cause) {
      if (isStoreTrouble(cause) && !isInTrouble) {
        isInTrouble = true
        onTrouble(cause)
        probeLater()
      }
      throw cause
    }
  }

  function probeLater(): void {
    stopProbing()
    if (!isClosed) stopProbing = clock.schedule(probeMs, () => void probe().catch(probeLater))
  }

  async function probe(): Promise<void> {
    await seen(store.probe())
    if (!isInTrouble) return
    isInTrouble = false
    stopProbing()
    onWell()
  }

  const { documents } = store
  return {
    documents: {
      get: (collection, id) => seen(documents.get(collection, id)),
      find: (collection, options) => documents.find(collection, options),
      insert: (collection, given) => seen(documents.insert(collection, given)),
      insertAll: (given) => seen(documents.insertAll(given)),
      replace: (collection, id, expected, fields) => seen(documents.replace(collection, id, expected, fields)),
      remove: (collection, id) => seen(documents.remove(collection, id)),
      removeAll: (collection, ids) => seen(documents.removeAll(collection, ids)),
    },
    load: (key) => seen(store.load(key)),
    save: (key, expected, bytes) => seen(store.save(key, expected, bytes)),
    remove: (key) => seen(store.remove(key)),
    append: (key, bytes, options) => seen(store.append(key, bytes, options)),
    read: (key, options) => store.read(key, options),
    truncate: (key, upTo) => seen(store.truncate(key, upTo)),
    putBlob: (key, source) => seen(store.putBlob(key, source)),
    getBlob: (key) => store.getBlob(key),
    removeBlob: (key) => seen(store.removeBlob(key)),
    probe,
    close() {
      isClosed = true
      stopProbing()
      return store.close()
    },
  }
}
