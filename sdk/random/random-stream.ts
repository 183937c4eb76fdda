import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus'

/** A reproducible source of random numbers. The same seed and labels give the same stream on any machine. */
export interface RandomStream {
  /** An integer from 0 to 2³² − 1. */
  uint32(): number
  /** A multiple of 2⁻⁵³ in [0, 1). */
  uniform(): number
  /** An integer from 0 to `bound` − 1, without bias. `bound` is from 1 to 2³². */
  below(bound: number): number
  /** Permutes in place (Fisher–Yates) and returns the same array. */
  shuffle(items: Uint32Array): Uint32Array
}

/**
 * Makes the stream of a seed and labels, such as (job seed, round, end, 'train'). Streams of different labels are
 * independent: the generator (xoroshiro128+, Blackman & Vigna 2018) starts from a 128-bit hash of seed and labels.
 */
export function randomStream(seed: number, ...labels: readonly (string | number)[]): RandomStream {
  return new SeededStream(seed, labels)
}

/** Makes a stream from a source of integers from 0 to 2³² − 1. */
export function streamFrom(uint32: () => number): RandomStream {
  return new SourceStream(uint32)
}

/** Each work of a device gets several streams, and draws from few of them, so a stream is a class. */
abstract class Stream implements RandomStream {
  abstract uint32(): number

  uniform(): number {
    return ((this.uint32() >>> 5) * 2 ** 26 + (this.uint32() >>> 6)) / 2 ** 53
  }

  below(bound: number): number {
    const limit = 2 ** 32 - (2 ** 32 % bound)
    for (;;) {
      const value = this.uint32()
      if (value < limit) return value % bound
    }
  }

  shuffle(items: Uint32Array): Uint32Array {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.below(i + 1)
      const held = items[i] ?? 0
      items[i] = items[j] ?? 0
      items[j] = held
    }
    return items
  }
}

/** Seed and labels are hashed at the first draw. */
class SeededStream extends Stream {
  readonly #seed: number
  readonly #labels: readonly (string | number)[]
  #generator: ReturnType<typeof xoroshiro128plusFromState> | undefined

  constructor(seed: number, labels: readonly (string | number)[]) {
    super()
    this.#seed = seed
    this.#labels = labels
  }

  uint32(): number {
    this.#generator ??= xoroshiro128plusFromState(seedState(this.#seed, this.#labels))
    return this.#generator.next() >>> 0
  }
}

class SourceStream extends Stream {
  readonly #source: () => number

  constructor(source: () => number) {
    super()
    this.#source = source
  }

  uint32(): number {
    return this.#source()
  }
}

/**
 * Odd multipliers of the four lanes: the first ones of MurmurHash3's 128-bit variant for 32-bit machines. As signed integers
 * they, and all that is computed of them, are integers for the engine, too, and no objects.
 */
const [one, two, three, four] = [0x239b961b, 0xab0e9789 | 0, 0x38b34ae5, 0xa1e38b93 | 0] as const
const multipliers = Int32Array.of(one, two, three, four)

/** Marks the beginning and the type of a label, so that ('ab') and ('a', 'b'), and 1 and '1' give different streams. */
const textMark = 0x5bd1e995
const numberMark = 0x1b873593

/** The lanes of the hash that is being computed: one array for all. */
const lanes = new Int32Array(4)

const double = new DataView(new ArrayBuffer(8))

/**
 * A hash of a seed and labels: 128 bits, as four 32-bit integers, which depend on every bit of the input. Fast, but not
 * secret: it only starts generators.
 *
 * @see Appleby, MurmurHash3: its rounds, and its finalizer `fmix32`, here over UTF-16 code units.
 */
export function seedState(seed: number, labels: readonly (string | number)[]): [number, number, number, number] {
  lanes.set(multipliers)
  absorbNumber(seed)
  for (const label of labels) {
    if (typeof label === 'number') {
      absorb(numberMark)
      absorbNumber(label)
    } else {
      absorb(textMark ^ label.length)
      for (let i = 0; i < label.length; i++) absorb(label.charCodeAt(i))
    }
  }
  // Every lane is mixed into every other, twice, so that each output bit depends on all input.
  for (let pass = 0; pass < 2; pass++) {
    for (let i = 0; i < 4; i++)
      lanes[i] = finalize(lanes[i]! + lanes[(i + 1) & 3]! + Math.imul(lanes[(i + 2) & 3]!, multipliers[i]!))
  }
  return [lanes[0]!, lanes[1]!, lanes[2]!, lanes[3]!]
}

function absorbNumber(value: number): void {
  double.setFloat64(0, value)
  absorb(double.getInt32(0))
  absorb(double.getInt32(4))
}

function absorb(word: number): void {
  lanes[0] = absorbed(lanes[0]!, word, one, two)
  lanes[1] = absorbed(lanes[1]!, word, two, three)
  lanes[2] = absorbed(lanes[2]!, word, three, four)
  lanes[3] = absorbed(lanes[3]!, word, four, one)
}

function absorbed(lane: number, word: number, multiplier: number, next: number): number {
  const scrambled = Math.imul(word, multiplier)
  const mixed = lane ^ Math.imul((scrambled << 15) | (scrambled >>> 17), next)
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0
}

function finalize(value: number): number {
  let mixed = value | 0
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}
