import { checkSetting } from '../errors.ts'
import type { Selector } from '../strategy.ts'

/**
 * A uniformly random subset of fraction C of the ends, at least one: m = max(C·K, 1), rounded to the nearest integer.
 *
 * @see McMahan et al., Communication-Efficient Learning of Deep Networks from Decentralized Data, AISTATS 2017, algorithm 1.
 */
export function randomSelector({ fraction }: { readonly fraction: number }): Selector {
  checkSetting('fraction', fraction, { above: 0, most: 1 })
  return {
    select(ends, random) {
      const count = Math.min(ends.length, Math.max(1, Math.round(fraction * ends.length)))
      const order = new Uint32Array(ends.length)
      for (let place = 0; place < order.length; place++) order[place] = place
      // The first `count` places of a Fisher–Yates shuffle.
      for (let place = 0; place < count; place++) {
        const other = place + random.below(ends.length - place)
        const held = order[place] ?? 0
        order[place] = order[other] ?? 0
        order[other] = held
      }
      return [...order.subarray(0, count)].map((index) => ends[index] ?? '').toSorted()
    },
  }
}
