import { type Ask, asking, type ControlPlaneMessage, controlPlane, newIdAt, newTaskKey } from '../../actors/index.ts'
import { openLog } from '../../api/observe/log.ts'
import { serverMetrics } from '../../api/observe/metrics.ts'
import { operations } from '../../api/operations/operations.ts'
import { apiServer } from '../../api/server.ts'
import { actorSystem, memoryStore, type Store } from '../../runtime/index.ts'

export interface PlaneStage extends AsyncDisposable {
  readonly url: string
  readonly store: Store
  readonly closing: AbortController
  /** Asks the actors behind the server. */
  readonly ask: Ask<ControlPlaneMessage>
}

/** A server on loopback, with its parts at hand. */
export async function planeStage({ heartbeatMs = 15_000 } = {}): Promise<PlaneStage> {
  const system = actorSystem()
  const store = memoryStore()
  const parts = { store, now: () => new Date().toISOString(), newId: () => newIdAt(Date.now()), newKey: newTaskKey }
  const ask = asking(system, system.spawn('control-plane', controlPlane(parts)), { timeoutMs: 60_000 })
  const closing = new AbortController()
  const server = apiServer({
    ask,
    operations,
    limits: { jsonBytes: 1024 * 1024, formBytes: 1024 * 1024 },
    log: openLog({ level: 'silent' }),
    metrics: serverMetrics(system),
    closing: closing.signal,
    heartbeatMs,
    gate: undefined,
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    store,
    closing,
    ask,
    async [Symbol.asyncDispose]() {
      closing.abort()
      server.server.closeAllConnections()
      server.close()
      await system.terminate()
    },
  }
}
