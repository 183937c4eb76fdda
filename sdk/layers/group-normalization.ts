import type { serialization, Tensor } from '@tensorflow/tfjs'
import { type LayerSettings, recordLayer } from '../engine/index.ts'
import { learnError } from '../learn/errors.ts'
import { layersError } from './errors.ts'
import { type Layer, presentTensorFlow, type TensorFlow } from './tensorflow.ts'

/**
 * A layer that normalizes groups of channels of each example, which TensorFlow.js lacks. Call this where a learner's
 * model is made. Unlike batch normalization, this layer neither mixes a batch's examples nor keeps moving means, which
 * differ between clients with unlike data.
 *
 * @throws LEARN_OUTSIDE_MODEL where no learner has loaded TensorFlow.js.
 * @see Wu and He, Group Normalization, ECCV 2018; for federated learning Hsieh et al., ICML 2020.
 */
export function groupNormalization(settings?: GroupNormalizationSettings): Layer
export function groupNormalization(settings: GroupNormalizationSettings = {}): unknown {
  const recorded = recordLayer('GroupNormalization', { ...settings })
  if (recorded !== undefined) return recorded
  const tf = presentTensorFlow()
  const layer = tf && groupNormalizationLayer(tf, settings)
  if (!layer) throw layersError('LEARN_OUTSIDE_MODEL', { what: 'groupNormalization' })
  return layer
}

export interface GroupNormalizationSettings extends LayerSettings {
  /**
   * Number of groups, which must divide the number of channels, the last dimension. 1 makes layer normalization, the
   * number of channels makes instance normalization. Default 32.
   */
  readonly groups?: number
  /** Added to the variance. Default 0.001. */
  readonly epsilon?: number
  /** Whether the layer has a trained shift. Default true. */
  readonly center?: boolean
  /** Whether the layer has a trained scale. Default true. */
  readonly scale?: boolean
}

const makers = new WeakMap<TensorFlow, (settings: GroupNormalizationSettings) => Layer>()

/**
 * Registers the layer's class with a TensorFlow.js, so that it can load models with this layer. Learners and
 * `loadLayersModel` call this themselves.
 */
export function registerGroupNormalization(tf: TensorFlow): void {
  if (makers.has(tf)) return
  class GroupNormalization extends tf.layers.Layer {
    static readonly className = 'GroupNormalization'
    readonly #settings: Required<Pick<GroupNormalizationSettings, 'groups' | 'epsilon' | 'center' | 'scale'>>
    #gamma: ReturnType<GroupNormalization['addWeight']> | undefined
    #beta: ReturnType<GroupNormalization['addWeight']> | undefined

    constructor({ groups = 32, epsilon = 1e-3, center = true, scale = true, ...layer }: GroupNormalizationSettings) {
      super(layer)
      this.#settings = { groups, epsilon, center, scale }
    }

    override build(inputShape: (number | null)[]): void {
      const channels = inputShape.at(-1) ?? 0
      const { groups, center, scale } = this.#settings
      if (!(Number.isInteger(groups) && groups >= 1 && channels % groups === 0)) {
        throw learnError('LEARN_SETTING', {
          name: 'groups',
          expected: `a divisor of ${channels} channels`,
          value: groups,
        })
      }
      const { ones, zeros } = tf.initializers
      if (scale) this.#gamma = this.addWeight('gamma', [channels], 'float32', ones())
      if (center) this.#beta = this.addWeight('beta', [channels], 'float32', zeros())
      this.built = true
    }

    override call(inputs: Tensor | Tensor[]): Tensor {
      return tf.tidy(() => {
        const [x] = Array.isArray(inputs) ? inputs : [inputs]
        if (!x) throw new TypeError('a layer is called with a tensor')
        const { groups, epsilon } = this.#settings
        const channels = x.shape.at(-1) ?? 1
        const grouped = x.reshape([x.shape[0] ?? 1, -1, groups, channels / groups])
        const { mean, variance } = tf.moments(grouped, [1, 3], true)
        let y: Tensor = grouped
          .sub(mean)
          .mul(tf.rsqrt(variance.add(epsilon)))
          .reshape(x.shape)
        if (this.#gamma) y = y.mul(this.#gamma.read())
        if (this.#beta) y = y.add(this.#beta.read())
        return y
      })
    }

    override getConfig(): serialization.ConfigDict {
      return {
        ...super.getConfig(),
        ...this.#settings,
        gammaInitializer: { className: 'Ones', config: {} },
        betaInitializer: { className: 'Zeros', config: {} },
      }
    }
  }
  tf.serialization.registerClass(GroupNormalization)
  makers.set(tf, (settings) => new GroupNormalization(settings))
}

function groupNormalizationLayer(tf: TensorFlow, settings: GroupNormalizationSettings): Layer | undefined {
  registerGroupNormalization(tf)
  return makers.get(tf)?.(settings)
}
