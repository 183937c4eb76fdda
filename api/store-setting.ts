import type { Store } from '../runtime/index.ts'

/** Where the control plane keeps its state: in memory, as long as the process; in a folder; in a database of MongoDB. */
export type StoreSetting =
  | { readonly type: 'memory' }
  | { readonly type: 'lmdb'; readonly folder: string }
  | { readonly type: 'mongodb'; readonly url: string }
  /** Any other that fulfils the port; the server closes it. */
  | { readonly type: 'own'; readonly open: () => Promise<Store> }

/** What a person names a store by: `mongodb://…`, or a folder. */
export function storeSetting(place: string): StoreSetting {
  return /^mongodb(\+srv)?:/.test(place) ? { type: 'mongodb', url: place } : { type: 'lmdb', folder: place }
}
