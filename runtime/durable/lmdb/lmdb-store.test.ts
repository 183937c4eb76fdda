import test from 'ava'
import { temporaryFolder } from '../../../test/support/temporary-folder.ts'
import { storeContract } from '../store.contract.ts'
import { lmdbStore } from './lmdb-store.ts'

storeContract(test, async () => {
  const folder = await temporaryFolder()
  let store = await lmdbStore(folder.path)
  return {
    store,
    async reopen() {
      await store.close()
      store = await lmdbStore(folder.path)
      return store
    },
    async [Symbol.asyncDispose]() {
      await store.close()
      await folder[Symbol.asyncDispose]()
    },
  }
})
