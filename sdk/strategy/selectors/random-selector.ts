import type { RandomStream } from '../../random/random-stream.ts'
import type { Selector } from '../algorithm.ts'
import { settingValues } from '../settings.ts'

const settings = {
  fraction: { kind: 'number', above: 0, most: 1, help: 'C: fraction of the ends that are selected' },
} as const

/**
 * Selects a uniformly random subset, a fraction C of the ends, at least one: m = max(C·K, 1), rounded to the nearest
 * integer.
 *
 * @see McMahan et al., Communication-Efficient Learning of Deep Networks from Decentralized Data, AISTATS 2017,
 *   algorithm 1.
 */
export function randomSelector(given: { readonly fraction: number }): Selector {
  const { fraction } = settingValues('the random selector', settings, { ...given })
  return {
    select: (ends, random) => drawn(ends, Math.max(1, Math.round(fraction * ends.length)), random),
  }
}

/** Selects a uniformly random subset of `count` ends, or all ends if there are fewer. */
export function countSelector({ count }: { readonly count: number }): Selector {
  return { select: (ends, random) => drawn(ends, count, random) }
}

function drawn(ends: readonly string[], count: number, random: RandomStream): readonly string[] {
  const taken = Math.min(ends.length, count)
  const order = new Uint32Array(ends.length)
  for (let place = 0; place < order.length; place++) order[place] = place
  // The first `taken` steps of a Fisher–Yates shuffle.
  for (let place = 0; place < taken; place++) {
    const other = place + random.below(ends.length - place)
    const held = order[place] ?? 0
    order[place] = order[other] ?? 0
    order[other] = held
  }
  return [...order.subarray(0, taken)].map((index) => ends[index] ?? '').toSorted()
}
