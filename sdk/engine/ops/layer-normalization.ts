import type { Plan, Tensor } from '../plan.ts'
import { type NormalizationWeights, scaleAndShift } from './normalization.ts'
import { inPixels } from './shaping.ts'

/**
 * Normalizes each pixel, or step of a sequence, over its channels.
 *
 * @see Ba, Kiros and Hinton, Layer Normalization, 2016.
 */
export function layerNormalization(plan: Plan, settings: NormalizationWeights, given: Tensor): Tensor {
  const { name, epsilon } = settings
  const x = inPixels(plan, name, given)
  const { channels, pitch: columns, pixels } = x
  const { gamma, gammaTrained, beta, betaTrained } = scaleAndShift(plan, settings, channels)
  const y: Tensor = { ...x, ...plan.tensor(x.shape) }
  const pitch = 4 * columns
  const statistics = plan.allocate(8 * plan.batch * pixels)
  const sums = plan.allocate(16 * columns)
  plan.ops.push({
    name,
    forward: (kernels, { batch }) =>
      kernels.normalizeRows(x.value, pitch, batch * pixels, channels, epsilon, gamma, beta, y.value, statistics),
    backward(kernels, { batch, gradientShift, gradientScale }) {
      kernels.fill(sums, 0, 4 * columns)
      kernels.normalizeRowsGradient(
        x.value,
        y.gradient,
        pitch,
        batch * pixels,
        channels,
        statistics,
        gamma,
        sums,
        x.gradient,
      )
      if (betaTrained) kernels.addScaledSums(sums, gradientScale, beta + gradientShift, columns)
      if (gammaTrained) kernels.addScaledSums(sums + 8 * columns, gradientScale, gamma + gradientShift, columns)
    },
  })
  return y
}
