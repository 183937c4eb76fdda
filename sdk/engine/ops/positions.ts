import type { InitializerSpec } from '../../learn/initializer.ts'
import { exp, log, sineAndCosine } from '../../random/elementary.ts'
import { type Plan, paddedTo8, type Tensor, tensorSize } from '../plan.ts'
import { channelWeights } from '../weight-layouts.ts'
import { inPixels } from './shaping.ts'

interface PositionEmbeddingSettings {
  readonly name: string
  /** Number of positions of the table, at least the steps of the input. */
  readonly positions: number
  readonly initializer: InitializerSpec
}

/** A trained row for each step of `given`, the same for all examples: of the input only the shape counts. */
export function positionEmbedding(plan: Plan, settings: PositionEmbeddingSettings, given: Tensor): Tensor {
  const { name, positions, initializer } = settings
  const x = inPixels(plan, name, given)
  const table = channelWeights(plan, {
    name: `${name}/embeddings`,
    shape: [positions, x.channels],
    rows: positions,
    channels: x.channels,
    initializer,
    trained: true,
  })
  const y: Tensor = { ...x, ...plan.tensor(x.shape) }
  const size = tensorSize(y)
  plan.ops.push({
    name,
    forward: (kernels, { batch }) => kernels.copyRows(table, 0, y.value, 4 * size, batch, 4 * size),
    backward(kernels, { batch, gradientShift, gradientScale }) {
      kernels.sumRows(y.gradient, 4 * size, batch, size, table + gradientShift, gradientScale)
      if (x.gradient !== 0) kernels.fill(x.gradient, 0, batch * size)
    },
  })
  return y
}

/** Sines and cosines of each step's number, see `sinePositions`. Of the input only the shape counts. */
export function sinePositionEncoding(plan: Plan, name: string, maxWavelength: number, given: Tensor): Tensor {
  const x = inPixels(plan, name, given)
  const y: Tensor = { ...x, ...plan.tensorAfter({ ...x, gradient: 0 }, x.shape) }
  const size = tensorSize(y)
  const padded = new Float32Array(size)
  const values = sinePositions(x.pixels, x.channels, maxWavelength)
  for (let step = 0; step < x.pixels; step++) {
    padded.set(values.subarray(step * x.channels, (step + 1) * x.channels), step * paddedTo8(x.channels))
  }
  const table = plan.table(new Uint32Array(padded.buffer))
  plan.ops.push({
    name,
    forward: (kernels, { batch }) => kernels.copyRows(table, 0, y.value, 4 * size, batch, 4 * size),
    backward(kernels, { batch }) {
      if (x.gradient !== 0) kernels.fill(x.gradient, 0, batch * size)
    },
  })
  return y
}

/**
 * The encoding of step p, row-major [steps, channels]: sin(p / w^(2i/channels)) in channel 2i, and the cosine in channel
 * 2i + 1, where w is the longest wavelength / 2π. The same bits on every platform.
 *
 * @see Vaswani et al., Attention Is All You Need, NeurIPS 2017, section 3.5.
 */
export function sinePositions(steps: number, channels: number, maxWavelength: number): Float32Array {
  const values = new Float32Array(steps * channels)
  for (let channel = 0; channel < channels; channel++) {
    const frequency = exp((-log(maxWavelength) * (channel - (channel % 2))) / channels)
    for (let step = 0; step < steps; step++) {
      const { sine, cosine } = sineAndCosine(step * frequency)
      values[step * channels + channel] = channel % 2 === 0 ? sine : cosine
    }
  }
  return values
}
