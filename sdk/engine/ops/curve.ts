import type { InitializerSpec } from '../../learn/initializer.ts'
import { type Plan, type Tensor, tensorSize } from '../plan.ts'
import { channelWeights } from '../weight-layouts.ts'
import { inPixels, padded } from './shaping.ts'

/** A smooth activation of each single value, by the name of its kernel, with the numbers that the kernel takes. */
export interface Curve {
  readonly type: 'curve'
  readonly curve: 'elu' | 'gelu' | 'geluTanh' | 'hardSigmoid' | 'mish' | 'softplus' | 'softsign' | 'swish' | 'threshold'
  /** Of `elu`: factor of exp(x) − 1. Of `threshold`: the value up to which the activation is 0. */
  readonly a?: number
  /** Of `elu`: slope above 0. */
  readonly b?: number
}

/** Curves that aren't 0 at 0, where the padding is. */
const raised: readonly Curve['curve'][] = ['hardSigmoid', 'softplus']

/** The forward pass keeps the slopes in the memory of the input's gradient, which nothing else uses until then. */
export function curve(plan: Plan, name: string, { curve, a = 0, b = 1 }: Curve, given: Tensor): Tensor {
  const x = padded(plan, name, given)
  const y = plan.tensorLike(x)
  const size = tensorSize(y)
  const hasRaisedPadding = raised.includes(curve) && y.channels < y.pitch
  plan.ops.push({
    name,
    forward(kernels, { batch }) {
      kernels[curve](x.value, y.value, x.gradient, a, b, batch * size)
      if (hasRaisedPadding) kernels.clearPadding(y.value, 4 * y.pitch, batch * y.pixels, y.channels)
    },
    backward(kernels, { batch }) {
      if (x.gradient !== 0) kernels.multiply(x.gradient, y.gradient, x.gradient, batch * size)
    },
  })
  return y
}

/** exp(x) / Σ exp(x) over the channels of each pixel. */
export function softmax(plan: Plan, name: string, given: Tensor): Tensor {
  const x = inPixels(plan, name, given)
  const y = plan.tensorLike(x)
  const pitch = 4 * y.pitch
  plan.ops.push({
    name,
    forward: (kernels, { batch }) => kernels.softmax(x.value, y.value, pitch, batch * y.pixels, y.channels, 1, 0, 0),
    backward(kernels, { batch }) {
      if (x.gradient !== 0) kernels.softmaxGradient(y.value, y.gradient, x.gradient, pitch, batch * y.pixels, 1)
    },
  })
  return y
}

interface PreluSettings {
  readonly name: string
  /** Whether all pixels have the same slopes, one for each channel. */
  readonly shared: boolean
  readonly initializer: InitializerSpec
}

/**
 * Relu with a trained slope below 0 for each value, or for each channel.
 *
 * @see He et al., Delving Deep into Rectifiers, ICCV 2015.
 */
export function prelu(plan: Plan, { name, shared, initializer }: PreluSettings, given: Tensor): Tensor {
  const x = inPixels(plan, name, given)
  const y = plan.tensor(x.shape)
  const size = tensorSize(y)
  const alpha = channelWeights(plan, {
    name: `${name}/alpha`,
    shape: x.shape.map((length, axis) => (shared && axis < x.shape.length - 1 ? 1 : length)),
    rows: shared ? 1 : x.pixels,
    channels: x.channels,
    initializer,
    trained: true,
  })
  const period = shared ? x.pitch : size
  plan.ops.push({
    name,
    forward: (kernels, { batch }) => kernels.prelu(x.value, alpha, period, y.value, batch * size),
    backward(kernels, { batch, gradientShift, gradientScale }) {
      const count = batch * size
      if (x.gradient !== 0) kernels.preluGradient(x.value, alpha, period, y.gradient, x.gradient, count)
      kernels.preluWeightGradient(x.value, period, y.gradient, alpha + gradientShift, gradientScale, count)
    },
  })
  return y
}
