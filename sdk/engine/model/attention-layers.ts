import { attention } from '../ops/attention.ts'
import { positionEmbedding, sinePositionEncoding } from '../ops/positions.ts'
import type { Tensor } from '../plan.ts'
import type { LayerBuilder, LayerSettings } from './layer-settings.ts'

/** Most values of all heads: the plan lists the place of each, which must not take all memory before its size is known. */
const mostHeadValues = 2 ** 22

/** Layers over [steps, channels] that TensorFlow.js lacks, by their classes in Keras. */
export const attentionLayers: Readonly<Record<string, LayerBuilder>> = {
  MultiHeadAttention(plan, settings, [query, ...others]) {
    const [value = query, key = value, ...more] = others
    if (more.length > 0) throw settings.refuse('takes a query, a value and a key, but gets more inputs')
    for (const input of [query, value, key]) requireSteps(settings, input)
    const [keys, values] = [key.shape[0], value.shape[0]]
    if (keys !== values) throw settings.refuse(`gets ${keys} keys for ${values} values`)
    const keyDim = settings.count('key_dim')
    const dropout = settings.number('dropout', 0)
    if (!(dropout >= 0 && dropout < 1)) throw settings.refuseValue('dropout', 'numbers from 0 and below 1')
    const heads = settings.count('num_heads')
    const valueDim = settings.count('value_dim', keyDim)
    if (heads * Math.max(keyDim, valueDim) > mostHeadValues) {
      throw settings.refuse(
        `has ${heads} heads of ${Math.max(keyDim, valueDim)} values; it knows ${mostHeadValues} values`,
      )
    }
    const kernelInitializer = settings.initializer('kernel_initializer', 'glorotUniform')
    const biasInitializer = settings.initializer('bias_initializer', 'zeros')
    return attention(
      plan,
      {
        name: settings.name,
        heads,
        keyDim,
        valueDim,
        outputs: outputsOf(settings, query),
        causal: settings.flag('use_causal_mask', false),
        dropout,
        kernelInitializer,
        biasInitializer: settings.flag('use_bias', true) ? biasInitializer : undefined,
      },
      { query, value, key },
    )
  },
  PositionEmbedding(plan, settings, [x]) {
    requireSteps(settings, x)
    const [steps = 1] = x.shape
    const positions = settings.count('sequence_length', steps)
    if (positions < steps) throw settings.refuse(`has ${positions} positions for ${steps} steps`)
    return positionEmbedding(
      plan,
      { name: settings.name, positions, initializer: settings.initializer('embeddings_initializer', 'glorotUniform') },
      x,
    )
  },
  SinePositionEncoding(plan, settings, [x]) {
    requireSteps(settings, x)
    const maxWavelength = settings.number('max_wavelength', 10_000)
    if (!(maxWavelength >= 1)) throw settings.refuseValue('max_wavelength', 'numbers from 1')
    return sinePositionEncoding(plan, settings.name, maxWavelength, x)
  },
}

function requireSteps(settings: LayerSettings, { shape }: Tensor): void {
  if (shape.length !== 2) throw settings.refuse(`takes [steps, channels], but gets [${shape}]`)
  if (shape[0] === 0) throw settings.refuse('takes sequences of at least one step, but gets sequences of length 0')
}

/** The output's channels: by default those of the query. */
function outputsOf(settings: LayerSettings, { channels, shape }: Tensor): number {
  const given = settings.value('output_shape', 'a whole number from 1') ?? shape.at(-1) ?? channels
  const [only, ...others]: unknown[] = Array.isArray(given) ? given : [given]
  if (others.length === 0 && typeof only === 'number' && Number.isInteger(only) && only >= 1) return only
  throw settings.refuseValue('output_shape', 'one number of channels')
}
