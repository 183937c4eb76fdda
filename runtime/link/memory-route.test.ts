import test from 'ava'
import { memoryRoute } from './memory-route.ts'
import { routeContract } from './route.contract.ts'

routeContract(test, 'memory', async (onRoute) => ({
  async dial(_lane, signal) {
    signal.throwIfAborted()
    const [dialled, accepted] = memoryRoute()
    onRoute(accepted)
    return dialled
  },
  async [Symbol.asyncDispose]() {},
}))
