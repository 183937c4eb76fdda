import test from 'ava'
import { dropDatabase, type MongodbServer, mongodbServer } from '../../../test/support/mongodb-server.ts'
import { storeContract } from '../store.contract.ts'
import { mongodbStore } from './mongodb-store.ts'

let server: MongodbServer

test.before(async () => {
  server = await mongodbServer()
})
test.after.always(() => server?.[Symbol.asyncDispose]())

storeContract(test, async () => {
  const url = server.url()
  let store = await mongodbStore(url)
  return {
    store,
    async reopen() {
      await store.close()
      store = await mongodbStore(url)
      return store
    },
    async [Symbol.asyncDispose]() {
      await store.close()
      await dropDatabase(url)
    },
  }
})
