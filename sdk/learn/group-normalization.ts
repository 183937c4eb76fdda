import { recordLayer } from '../engine/model-recorder.ts'
import { learnError } from './errors.ts'
import { type GroupNormalizationSettings, groupNormalizationLayer } from './group-normalization-layer.ts'
import { type Layer, presentTensorFlow } from './tensorflow.ts'

/**
 * A layer that normalizes groups of channels of each example, for a layers model: TensorFlow.js has none. To be called where a
 * learner's model is made. Unlike batch normalization it neither mixes a batch's examples nor keeps moving means, about which
 * clients with unlike data disagree.
 *
 * @throws LEARN_OUTSIDE_MODEL where no TensorFlow.js has been loaded by a learner.
 * @see Wu and He, Group Normalization, ECCV 2018; for federated learning Hsieh et al., ICML 2020.
 */
export function groupNormalization(settings?: GroupNormalizationSettings): Layer
export function groupNormalization(settings: GroupNormalizationSettings = {}): unknown {
  const recorded = recordLayer('GroupNormalization', { ...settings })
  if (recorded !== undefined) return recorded
  const tf = presentTensorFlow()
  const layer = tf && groupNormalizationLayer(tf, settings)
  if (!layer) throw learnError('LEARN_OUTSIDE_MODEL', { what: 'groupNormalization' })
  return layer
}
