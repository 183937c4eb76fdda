import test from 'ava'
import { memoryRoute } from './memory-route.ts'
import { type OpenTransport, routeContract } from './route.contract.ts'
import { sessionContract } from './session.contract.ts'

const openMemory: OpenTransport = async (onRoute) => ({
  async dial(_lane, signal) {
    signal.throwIfAborted()
    const [dialled, accepted] = memoryRoute()
    onRoute(accepted)
    return dialled
  },
  async [Symbol.asyncDispose]() {},
})

routeContract(test, 'memory', openMemory)
sessionContract(test, 'memory', openMemory)
