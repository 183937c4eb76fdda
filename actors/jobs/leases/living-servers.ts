import type { z } from 'zod'
import type { Clock } from '../../../runtime/index.ts'
import { isRefusal } from '../../model/errors.ts'
import type { Collections } from '../../records/collections.ts'
import type { serverRecord } from '../../records/record-models.ts'
import type { Stored } from '../../records/records.ts'

/** Which servers share a store. Each writes its document again and again; one whose document stands still is dead. */
export interface LivingServers {
  /** Says that this one lives. */
  beat(): Promise<void>
  /** Looks at the others. Their clocks don't matter: a document's changes are timed by this server's own. */
  look(): Promise<{ readonly living: ReadonlySet<string>; readonly dead: readonly string[] }>
  /** No more needs to be known of a dead one. */
  forget(server: string): Promise<void>
  /** This one goes: the others needn't wait to see it dead. */
  leave(): Promise<void>
}

export function livingServers(
  { servers }: Collections,
  {
    server,
    startedAt,
    clock,
    deadAfterMs,
  }: {
    readonly server: string
    readonly startedAt: string
    readonly clock: Clock
    readonly deadAfterMs: number
  },
): LivingServers {
  const seen = new Map<string, { version: number; changedMs: number }>()
  let own: Stored<z.output<typeof serverRecord>> | undefined

  return {
    async beat() {
      own ??= await servers.get(server)
      if (own) {
        try {
          own = await servers.replace(own, { startedAt })
          return
        } catch (cause) {
          // The others took it for dead, and have taken over what it had.
          if (!isRefusal(cause)) throw cause
        }
      }
      await servers.put(server, { startedAt })
      own = undefined
    },

    async look() {
      const living = new Set([server])
      const dead: string[] = []
      const nowMs = clock.now()
      for await (const { id, version } of servers.find()) {
        if (id === server) continue
        const known = seen.get(id)
        if (known?.version !== version) seen.set(id, { version, changedMs: nowMs })
        if (known?.version === version && nowMs - known.changedMs >= deadAfterMs) dead.push(id)
        else living.add(id)
      }
      return { living, dead }
    },

    async forget(id) {
      seen.delete(id)
      await servers.remove(id)
    },

    async leave() {
      await servers.remove(server)
    },
  }
}
