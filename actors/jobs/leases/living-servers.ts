import type { z } from 'zod'
import type { Clock } from '../../../runtime/index.ts'
import { isRefusal } from '../../model/errors.ts'
import type { Collections } from '../../records/collections.ts'
import type { serverRecord } from '../../records/record-models.ts'
import type { Stored } from '../../records/records.ts'

/**
 * The servers on a store. Each server rewrites its document again and again; a server whose document stands still is
 * dead.
 */
export interface LivingServers {
  /** Writes this server's sign of life. */
  beat(): Promise<void>
  /** Sorts the servers into living and dead, by this server's clock alone: clocks of other servers don't matter. */
  look(): Promise<{ readonly living: ReadonlySet<string>; readonly dead: readonly string[] }>
  /** Removes the document of a dead server. */
  forget(server: string): Promise<void>
  /** Removes this server's document, so that other servers needn't wait until they take this server for dead. */
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
          // Other servers took this server for dead, and have taken over its jobs.
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
