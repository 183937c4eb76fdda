import { normal, truncatedNormal } from '../random/distributions.ts'
import type { RandomStream } from '../random/random-stream.ts'
import { sizeOf, type TensorSpec } from '../weights/layout.ts'
import { learnError } from './errors.ts'

/** A layer's initializer as TensorFlow.js writes it in a layer's configuration. */
export interface InitializerSpec {
  readonly className: string
  readonly config: Readonly<Record<string, unknown>>
}

/**
 * Initial values of one tensor, drawn from the stream. Glorot, He and LeCun initializers are all written as
 * `VarianceScaling`; its normal form is truncated at 2 standard deviations, as in TensorFlow.js.
 *
 * @throws LEARN_INITIALIZER when there is no way to draw this initializer's values from a stream.
 */
export function initialValues(
  { name, shape }: TensorSpec,
  { className, config }: InitializerSpec,
  random: RandomStream,
): Float32Array {
  const draw = valueSource(shape, className, config, random)
  if (!draw) throw learnError('LEARN_INITIALIZER', { tensor: name, initializer: className })
  return Float32Array.from({ length: sizeOf(shape) }, draw)
}

function valueSource(
  shape: readonly number[],
  className: string,
  config: Readonly<Record<string, unknown>>,
  random: RandomStream,
): (() => number) | undefined {
  const number = (name: string, otherwise: number) => {
    const value = config[name]
    return typeof value === 'number' ? value : otherwise
  }
  switch (className) {
    case 'Zeros':
      return () => 0
    case 'Ones':
      return () => 1
    case 'Constant': {
      const value = number('value', 0)
      return () => value
    }
    case 'RandomUniform': {
      const low = number('minval', -0.05)
      const high = number('maxval', 0.05)
      return () => low + (high - low) * random.uniform()
    }
    case 'RandomNormal':
    case 'TruncatedNormal': {
      const mean = number('mean', 0)
      const deviation = number('stddev', 0.05)
      const standard = className === 'RandomNormal' ? normal : truncatedNormal
      return () => mean + deviation * standard(random)
    }
    case 'VarianceScaling': {
      const variance = number('scale', 1) / Math.max(1, fan(shape, config.mode))
      const limit = Math.sqrt(3 * variance)
      const deviation = Math.sqrt(variance)
      if (config.distribution === 'uniform') return () => limit * (2 * random.uniform() - 1)
      return () => deviation * truncatedNormal(random)
    }
  }
  return undefined
}

/** Connections into and out of a unit: a kernel's last two dimensions, times the receptive field of a convolution. */
function fan(shape: readonly number[], mode: unknown): number {
  const field = sizeOf(shape.slice(0, -2))
  const fanOut = (shape.at(-1) ?? 1) * field
  const fanIn = shape.length < 2 ? fanOut : (shape.at(-2) ?? 1) * field
  if (mode === 'fanIn') return fanIn
  if (mode === 'fanOut') return fanOut
  return (fanIn + fanOut) / 2
}
