import { lmdbStore } from '../../runtime/durable/lmdb/index.ts'
import { mongodbStore } from '../../runtime/durable/mongodb/index.ts'
import type { Store } from '../../runtime/index.ts'

/** Opens the store of a folder, or of a URL. */
export function storeOpenedAt(place: string): Promise<Store> {
  return place.startsWith('mongodb') ? mongodbStore(place) : lmdbStore(place)
}
