import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus'
import { seedState } from './seed-state.ts'

/** A named, reproducible source of random numbers. The same seed and labels give the same stream on any machine. */
export interface RandomStream {
  /** An integer from 0 to 2³² − 1. */
  uint32(): number
  /** A multiple of 2⁻⁵³ in [0, 1). */
  uniform(): number
  /** An integer from 0 to `bound` − 1, without bias; `bound` from 1 to 2³². */
  below(bound: number): number
  /** Permutes in place (Fisher–Yates) and returns the same array. */
  shuffle(items: Uint32Array): Uint32Array
}

/**
 * The stream of this seed and these labels, such as (job seed, round, end, 'train'). Streams of different labels are
 * independent: the generator (xoroshiro128+, Blackman & Vigna 2018) starts from a 128-bit hash of them.
 */
export function randomStream(seed: number, ...labels: readonly (string | number)[]): RandomStream {
  const generator = xoroshiro128plusFromState(seedState(seed, labels))
  return streamFrom(() => generator.next() >>> 0)
}

/** A stream of what a source of integers from 0 to 2³² − 1 gives. */
export function streamFrom(uint32: () => number): RandomStream {
  const below = (bound: number) => {
    const limit = 2 ** 32 - (2 ** 32 % bound)
    for (;;) {
      const value = uint32()
      if (value < limit) return value % bound
    }
  }
  return {
    uint32,
    uniform: () => ((uint32() >>> 5) * 2 ** 26 + (uint32() >>> 6)) / 2 ** 53,
    below,
    shuffle(items) {
      for (let i = items.length - 1; i > 0; i--) {
        const j = below(i + 1)
        const held = items[i] ?? 0
        items[i] = items[j] ?? 0
        items[j] = held
      }
      return items
    },
  }
}
