import test from 'ava'
import { memoryStore } from '../../index.ts'
import { durableActorContract } from './durable-actor.contract.ts'

durableActorContract(test, async () => {
  const store = memoryStore()
  return { store, [Symbol.asyncDispose]: () => store.close() }
})
