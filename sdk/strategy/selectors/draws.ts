import type { RandomStream } from '../../random/random-stream.ts'
import type { Selector } from '../algorithm.ts'

/** A uniformly random subset of `count` items, or all items if there are fewer, in the order of the items. */
export function drawn(items: readonly string[], count: number, random: RandomStream): readonly string[] {
  const taken = Math.min(items.length, count)
  const order = new Uint32Array(items.length)
  for (let place = 0; place < order.length; place++) order[place] = place
  // The first `taken` steps of a Fisher–Yates shuffle.
  for (let place = 0; place < taken; place++) {
    const other = place + random.below(items.length - place)
    const held = order[place] ?? 0
    order[place] = order[other] ?? 0
    order[other] = held
  }
  return [...order.subarray(0, taken)].map((index) => items[index] ?? '').toSorted()
}

/**
 * `count` items, drawn one after another without replacement, each in proportion to its weight among those left. Where
 * none of them has a weight, each is as likely.
 */
export function drawnByWeight(
  items: readonly string[],
  count: number,
  weightOf: (item: string) => number,
  random: RandomStream,
): readonly string[] {
  const left = new Map(items.map((item) => [item, weightOf(item)] as const))
  const taken: string[] = []
  while (taken.length < count && left.size > 0) {
    const total = [...left.values()].reduce((sum, weight) => sum + weight, 0)
    const even = total > 0 ? undefined : 1
    let rest = random.uniform() * (even ? left.size : total)
    let chosen: string | undefined
    for (const [item, weight] of left) {
      chosen = item
      rest -= even ?? weight
      if (rest < 0) break
    }
    if (chosen === undefined) break
    left.delete(chosen)
    taken.push(chosen)
  }
  return taken.toSorted()
}

/** One of the ends that a selector selects, each as likely. Undefined if there is none. */
export function oneSelected(selector: Selector, ends: readonly string[], random: RandomStream): string | undefined {
  const candidates = ends.length === 0 ? [] : selector.select(ends, random)
  return candidates.length === 0 ? undefined : candidates[random.below(candidates.length)]
}
