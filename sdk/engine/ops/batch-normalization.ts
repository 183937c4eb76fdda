import type { InitializerSpec } from '../../learn/initializer.ts'
import { channelWeights } from '../channel-weights.ts'
import type { Plan, Tensor } from '../plan.ts'
import { normalization } from './normalization.ts'
import { inPixels } from './reshape.ts'
import { type NormalizationWeights, scaleAndShift } from './scale-and-shift.ts'

export interface BatchNormalizationSettings extends NormalizationWeights {
  /** How much of a moving value a batch leaves. */
  readonly momentum: number
  readonly movingMeanInitializer: InitializerSpec
  readonly movingVarianceInitializer: InitializerSpec
}

/**
 * Normalizes each channel over a whole batch, and in evaluation by moving means of what the batches had. Those are weights too,
 * which come and go with the others.
 *
 * @see Ioffe and Szegedy, Batch Normalization, ICML 2015. Moving variances are the batches' own (over n), as in TensorFlow.js.
 */
export function batchNormalization(plan: Plan, settings: BatchNormalizationSettings, given: Tensor): Tensor {
  const { name, epsilon, momentum, movingMeanInitializer, movingVarianceInitializer } = settings
  const x = inPixels(plan, name, given)
  const { channels, pitch, pixels } = x
  const scaling = scaleAndShift(plan, settings, channels)
  const moving = (weight: string, initializer: InitializerSpec) =>
    channelWeights(plan, {
      name: `${name}/${weight}`,
      shape: [channels],
      rows: 1,
      channels,
      initializer,
      trained: false,
    })
  const movingMean = moving('moving_mean', movingMeanInitializer)
  const movingVariance = moving('moving_variance', movingVarianceInitializer)
  plan.wholeBatchFor ??= name

  const y = plan.tensor(x.shape)
  // Each channel by itself, those of the padding too, whose gamma of 0 keeps them 0.
  const sets = { channels: pitch, groups: pitch, rowsOf: (batch: number) => batch * pixels, setsOf: () => 1, sets: 1 }
  const { measure, apply, backward, mean, variance } = normalization(plan, x, y, sets, scaling, epsilon)
  plan.ops.push({
    name,
    forward(kernels, { batch, training }) {
      if (!training) return apply(kernels, batch, movingMean, movingVariance)
      measure(kernels, batch)
      apply(kernels, batch)
      kernels.moveTowards(movingMean, mean, 1 - momentum, pitch)
      kernels.moveTowards(movingVariance, variance, 1 - momentum, pitch)
    },
    backward,
  })
  return y
}
