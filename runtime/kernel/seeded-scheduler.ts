import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import type { Scheduler } from './protocol.ts'

/** Picks by a seed: one integer reproduces a schedule. */
export function seededScheduler(seed: number): Scheduler {
  const generator = xoroshiro128plus(seed)
  return { pick: (count) => (generator.next() >>> 0) % count }
}
