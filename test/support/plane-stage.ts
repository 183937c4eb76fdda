import {
  type Ask,
  asking,
  type ControlPlaneMessage,
  type ControlPlaneParts,
  controlPlane,
  newIdAt,
  newTaskKey,
} from '../../actors/index.ts'
import type { Gate } from '../../api/auth/gate.ts'
import { portOf } from '../../api/http/rest-server.ts'
import { openLog } from '../../api/log.ts'
import { auditTrail } from '../../api/observe/audit-trail.ts'
import { serverMetrics } from '../../api/observe/metrics.ts'
import { operations } from '../../api/operations/operations.ts'
import { apiServer, type Limits } from '../../api/server.ts'
import { actorSystem, memoryStore, type Store } from '../../runtime/index.ts'

export interface PlaneStage extends AsyncDisposable {
  readonly url: string
  readonly store: Store
  readonly closing: AbortController
  /** Asks the server's actors. */
  readonly ask: Ask<ControlPlaneMessage>
}

export interface PlaneOptions {
  readonly heartbeatMs?: number
  readonly gate?: Gate
  readonly limits?: Partial<Limits>
}

/** Starts a server on loopback, and gives access to its parts. */
export async function planeStage({ heartbeatMs = 15_000, gate, limits = {} }: PlaneOptions = {}): Promise<PlaneStage> {
  const system = actorSystem()
  const store = memoryStore()
  const metrics = serverMetrics(system)
  const parts: ControlPlaneParts = {
    store,
    now: () => new Date().toISOString(),
    newId: () => newIdAt(Date.now()),
    newKey: newTaskKey,
    server: 'server',
    onRecorded: metrics.recorded,
    chooseDeployer: (_job, flamelets) => flamelets,
  }
  const ask = asking(system, system.spawn('control-plane', controlPlane(parts)), { timeoutMs: 60_000 })
  const closing = new AbortController()
  const log = openLog({ level: 'silent' })
  const server = apiServer({
    ask,
    trail: auditTrail(ask, log),
    operations,
    limits: {
      ...{ jsonBytes: 1024 * 1024, formBytes: 1024 * 1024, stallMs: 10_000 },
      ...{ requests: 1000, streams: 1000, polls: 1000, kept: 100, ofOne: 5000 },
      ...limits,
    },
    log,
    metrics,
    closing: closing.signal,
    heartbeatMs,
    gate,
    accounts: undefined,
    origins: [],
    hidden: [],
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${portOf(server)}`,
    store,
    closing,
    ask,
    async [Symbol.asyncDispose]() {
      closing.abort()
      server.closeAllConnections()
      server.close()
      await system.terminate()
    },
  }
}
