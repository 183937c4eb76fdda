import test from 'ava'
import { memoryStore } from './memory-store.ts'
import { storeContract } from './store.contract.ts'

storeContract(test, async () => {
  const store = memoryStore()
  return { store, [Symbol.asyncDispose]: () => store.close() }
})
