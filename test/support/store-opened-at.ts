import { lmdbStore } from '../../runtime/durable/lmdb/index.ts'
import { mongodbStore } from '../../runtime/durable/mongodb/index.ts'
import type { Store } from '../../runtime/index.ts'

/** Opens a store of LMDB in a folder, or of MongoDB at a URL. */
export function storeOpenedAt(location: string): Promise<Store> {
  return location.startsWith('mongodb') ? mongodbStore(location) : lmdbStore(location)
}
