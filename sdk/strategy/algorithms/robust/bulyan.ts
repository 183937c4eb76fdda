import type { ServerPart } from '../../algorithm.ts'
import { defineAlgorithm } from '../../define-algorithm.ts'
import { roundSettings } from '../server/index.ts'
import { byKrumScore, pairwiseDistances } from './distances.ts'
import { addTo, deltasOf, eachParts } from './each-parts.ts'
import type { Chosen } from './krum.ts'
import { forSortedBlocks } from './sorted-blocks.ts'

/**
 * Bulyan: first θ = m − 2f times, Krum among the members that are left moves its choice to the selection. Then each
 * coordinate of the step is the mean of the β = θ − 2f values nearest to the selection's median.
 *
 * Krum counts neighbours among the members that are left, m' − f − 2, at least 1. The median of an even number of values
 * is the mean of the two in the middle. Of values equally far from the median, the smaller one is taken. A round needs
 * m ≥ 4f + 3 members. The number of samples has no effect.
 *
 * @see El Mhamdi, Guerraoui, Rouault, The Hidden Vulnerability of Distributed Learning in Byzantium, ICML 2018.
 */
export const bulyan = defineAlgorithm({
  name: 'bulyan',
  summary: 'robust: Krum repeated selects m − 2f deltas; each coordinate is the mean of those nearest to the median',
  source: 'El Mhamdi, Guerraoui, Rouault, ICML 2018',
  settings: {
    f: { kind: 'whole', least: 0, help: 'largest number of faulty members; a round needs 4f + 3 members' },
    ...roundSettings,
  },
  make({ f, ...values }) {
    const server: ServerPart<Chosen> = {
      init: () => ({ chosen: [] }),
      step(weights, { each }, state) {
        const deltas = deltasOf(each)
        const selection = selected(deltas, f)
        state.chosen = selection.flatMap((member) => each[member]?.end ?? [])
        addTo(
          weights,
          nearMedian(
            selection.map((member) => deltas[member]!),
            selection.length - 2 * f,
          ),
        )
      },
    }
    return { ...eachParts(values, { leastMembers: 4 * f + 3 }), server }
  },
})

/** Indices of the m − 2f members that repeated Krum chooses, sorted. */
function selected(deltas: readonly Float32Array[], f: number): readonly number[] {
  const distances = pairwiseDistances(deltas)
  let left = deltas.map((_, member) => member)
  const chosen: number[] = []
  while (chosen.length < deltas.length - 2 * f) {
    const [best = 0] = byKrumScore(distances, f, left)
    chosen.push(best)
    left = left.filter((member) => member !== best)
  }
  return chosen.toSorted((a, b) => a - b)
}

/** For each coordinate the mean of the `count` values nearest to the median: neighbours in the order of size. */
function nearMedian(deltas: readonly Float32Array[], count: number): Float32Array {
  const result = new Float32Array(deltas[0]?.length ?? 0)
  const [before, after] = [Math.floor((deltas.length - 1) / 2), Math.floor(deltas.length / 2)]
  forSortedBlocks(deltas, (rows, start, length) => {
    for (let i = 0; i < length; i++) {
      const middle = (rows[before]![i]! + rows[after]![i]!) / 2
      let first = 0
      while (first + count < rows.length && rows[first + count]![i]! - middle < middle - rows[first]![i]!) first++
      let sum = 0
      for (let row = first; row < first + count; row++) sum += rows[row]![i]!
      result[start + i] = sum / count
    }
  })
  return result
}
