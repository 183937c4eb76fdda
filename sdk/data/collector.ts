import { sizeOf } from '../weights/layout.ts'
import { counted, dataError } from './errors.ts'
import { checkFinite, type Examples, indexIn, valueError } from './examples.ts'
import { checkedDivisor, inMemoryExamples, join } from './in-memory-examples.ts'

export interface CollectorSettings {
  /** Shape of one example's features. */
  readonly shape: readonly number[]
  /** Shape of one example's target, where the examples have targets, such as [3] for three values. */
  readonly targetShape?: readonly number[]
  /** The features are divided by this number when they are read. Default: 255 for unsigned bytes, else 1. */
  readonly divisor?: number
  /** Most bytes that the examples may take in memory, labels included. Default 256 MiB. */
  readonly maxBytes?: number
  /** Whether to refuse or keep features that aren't finite: missing values are often NaN. Default `refuse`. */
  readonly nonFinite?: 'refuse' | 'keep'
}

/** Takes examples one by one, without a known number of examples. */
export interface Collector {
  /**
   * Without a label that of a target is its first value.
   *
   * @throws DATA_STREAM_ROW, DATA_STREAM_BOUND, DATA_VALUE
   */
  add(features: ArrayLike<number>, label: number | undefined, target?: ArrayLike<number>): void
  /** Replaces one feature of an added example. */
  replace(index: number, feature: number, value: number): void
  /** The examples added so far. */
  examples(): Examples
}

/** A block of examples. Growth by blocks copies nothing and never needs twice the memory. */
interface Block {
  readonly features: Uint8Array | Float32Array
  readonly labels: Float64Array
  readonly targets: Float32Array
  used: number
}

const blockBytes = 1_048_576
/** The target of each example of a set without targets. */
const noTarget = new Float32Array()

/**
 * Collects examples in memory, within a bound: as bytes if the first example's features are a Uint8Array, else as float32.
 *
 * @param source Name for messages.
 */
export function collector(
  { shape, targetShape, divisor, maxBytes = 256 * blockBytes, nonFinite = 'refuse' }: CollectorSettings,
  source: string,
): Collector {
  const size = sizeOf(shape)
  const targetSize = targetShape ? sizeOf(targetShape) : 0
  if (divisor !== undefined) checkedDivisor(divisor)
  if (!(maxBytes >= 0))
    throw dataError('DATA_SETTING', { name: 'maxBytes', came: maxBytes, expected: 'a number from 0' })
  const blocks: Block[] = []
  let count = 0
  let asBytes = false
  let unlabelled = false

  function roomy(): Block {
    const last = blocks.at(-1)
    if (last && last.used < last.labels.length) return last
    const rowBytes = (asBytes ? size : 4 * size) + 8 + 4 * targetSize
    const left = Math.floor(maxBytes / rowBytes) - count
    if (left < 1) throw dataError('DATA_STREAM_BOUND', { source, maxBytes, index: count })
    const rows = Math.min(left, Math.max(1, Math.floor(blockBytes / rowBytes)))
    const features = asBytes ? new Uint8Array(rows * size) : new Float32Array(rows * size)
    const targets = new Float32Array(rows * targetSize)
    const block = { features, labels: new Float64Array(rows), targets, used: 0 }
    blocks.push(block)
    return block
  }

  /** The target of an example, as float32. @throws DATA_STREAM_ROW, DATA_VALUE */
  function checkedTarget(target: ArrayLike<number> | undefined): Float32Array {
    if (!target && !targetShape) return noTarget
    if (!target || !targetShape || target.length !== targetSize) {
      const expected = targetShape ? `a target of ${counted(targetSize, 'value')}` : 'no target without a targetShape'
      throw dataError('DATA_STREAM_ROW', { source, index: count, expected, came: target ? target.length : 'none' })
    }
    const values = Float32Array.from(target)
    const wrong = values.findIndex((value) => !Number.isFinite(value))
    if (wrong < 0) return values
    const what = `target [${indexIn(targetShape, wrong)}]`
    throw valueError({ source, index: count, what, value: target[wrong] })
  }

  return {
    add(features, given, target) {
      if (count === 0) asBytes = features instanceof Uint8Array
      if (features.length !== size || asBytes !== features instanceof Uint8Array) {
        const expected = `${counted(size, 'feature')}${asBytes ? ' in a Uint8Array, as the first has' : ''}`
        const kind = features instanceof Uint8Array ? ' in a Uint8Array' : ''
        throw dataError('DATA_STREAM_ROW', { source, index: count, expected, came: `${features.length}${kind}` })
      }
      const goal = checkedTarget(target)
      const label = given ?? goal[0]
      if (label === undefined || !Number.isFinite(label))
        throw valueError({ source, index: count, what: 'the label', value: label })
      if (!asBytes && nonFinite === 'refuse') checkFinite(features, { source, index: count, shape })
      const block = roomy()
      block.features.set(features, block.used * size)
      block.targets.set(goal, block.used * targetSize)
      block.labels[block.used++] = label
      unlabelled ||= given === undefined
      count++
    },
    replace(index, feature, value) {
      // All blocks except the last have the same number of rows.
      const rows = blocks[0]?.labels.length ?? 1
      const block = blocks[Math.floor(index / rows)]
      if (block) block.features[(index % rows) * size + feature] = value
    },
    examples() {
      const none = { features: new Float32Array(), labels: new Float64Array(), targets: new Float32Array(), used: 0 }
      const collected = join(
        (count === 0 ? [none] : blocks).map(({ features, labels, targets, used }) =>
          inMemoryExamples({
            features: features.subarray(0, used * size),
            labels: labels.subarray(0, used),
            shape,
            ...(targetShape && { targets: targets.subarray(0, used * targetSize), targetShape }),
            ...(divisor !== undefined && { divisor }),
          }),
        ),
      )
      return unlabelled ? { ...collected, unlabelled } : collected
    },
  }
}

export interface Example {
  /** Unsigned bytes stay bytes until the example is read. Other numbers become float32. */
  readonly features: ArrayLike<number>
  /** A class from 0, or a target value. May be absent where there is a target. */
  readonly label?: number
  /** The outputs that a model should give, row-major, where these are more than one number: as `targetShape` says. */
  readonly target?: ArrayLike<number>
}

export interface CollectSettings extends CollectorSettings {
  /** Name for messages. Default `the stream`. */
  readonly source?: string
}

/**
 * Collects the examples of an iterable, for instance rows of a database or decoded pictures. Memory holds all examples:
 * four bytes for a feature, or one byte if the features are a Uint8Array, and eight bytes for a label; at most
 * `maxBytes`.
 *
 * @throws DATA_STREAM_BOUND at the first example that doesn't fit, which ends the iteration; DATA_STREAM_ROW when the
 *   features of an example don't fit the shape; DATA_VALUE; DATA_DIVISOR; DATA_SETTING; and errors of the iterable.
 */
export async function collectExamples(
  examples: AsyncIterable<Example> | Iterable<Example>,
  { source = 'the stream', ...settings }: CollectSettings,
): Promise<Examples> {
  const collected = collector(settings, source)
  for await (const { features, label, target } of examples) collected.add(features, label, target)
  return collected.examples()
}
