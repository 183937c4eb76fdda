import type { Clock } from '../../runtime/index.ts'
import { registryError } from './errors.ts'
import type { ModelRegistry } from './registry.ts'

interface SpoolBound {
  readonly mostModels: number
  readonly clock: Clock
  /** Whether nobody waits any more. Default: somebody does. */
  readonly isClosed?: () => boolean
}

/** Pause between two looks for room. */
const lookForRoomMs = 500

/**
 * A spool with a bound: a commit waits as long as so many models of its part are there. An upload, by this process or
 * another, makes room. A round that is there already needs no room.
 *
 * @throws (a commit) REGISTRY_FULL where the spool is closed meanwhile.
 */
export function boundedSpool<Registry extends ModelRegistry>(
  spool: Registry,
  { mostModels, clock, isClosed = () => false }: SpoolBound,
): Registry {
  return {
    ...spool,
    async commit(model) {
      const { job, round, part } = model
      for (;;) {
        const rounds = await spool.list(job, part)
        if (rounds.includes(round) || rounds.length < mostModels) return spool.commit(model)
        if (isClosed()) {
          const reason = `it has ${rounds.length} models of at most ${mostModels}, and is closed`
          throw registryError('REGISTRY_FULL', { location: `the spool of ${job}`, reason })
        }
        await new Promise<void>((resolve) => void clock.schedule(lookForRoomMs, resolve))
      }
    },
  }
}
