import type { serialization, Tensor } from '@tensorflow/tfjs'
import { type LayerSettings, recordLayer, sinePositions } from '../engine/index.ts'
import { type InitializerSpec, initializerSpec } from '../learn/initializer.ts'
import { layersError } from './errors.ts'
import { type Layer, presentTensorFlow, type TensorFlow } from './tensorflow.ts'

export interface MultiHeadAttentionSettings extends LayerSettings {
  readonly numHeads: number
  /** Number of values of a head's query and key. */
  readonly keyDim: number
  /** Number of values of a head's value. Default `keyDim`. */
  readonly valueDim?: number
  /** Number of channels of the output. Default: those of the query. */
  readonly outputShape?: number
  /** Whether the projections have a bias. Default true. */
  readonly useBias?: boolean
  /** Rate at which weights of the attention are left out in training. Only the engine has it. Default 0. */
  readonly dropout?: number
  /** Whether a step attends only to itself and to the steps before it. Default false. */
  readonly useCausalMask?: boolean
  /** Default `glorotUniform`. */
  readonly kernelInitializer?: string
  /** Default `zeros`. */
  readonly biasInitializer?: string
}

export interface PositionEmbeddingSettings extends LayerSettings {
  /** Number of positions, at least the number of steps. Default: the number of steps. */
  readonly sequenceLength?: number
  /** Default `glorotUniform`. */
  readonly embeddingsInitializer?: string
}

export interface SinePositionEncodingSettings extends LayerSettings {
  /** The longest wavelength, divided by 2π. Default 10,000. */
  readonly maxWavelength?: number
}

/**
 * Attention of several heads, as Keras's layer, which TensorFlow.js lacks. Apply the layer to a query of [steps,
 * channels], for self-attention; to a list of query and value; or of query, value and key. Steps that a mask calls
 * padding get no attention.
 *
 * @throws LEARN_OUTSIDE_MODEL where no learner has loaded TensorFlow.js.
 * @see Vaswani et al., Attention Is All You Need, NeurIPS 2017.
 */
export function multiHeadAttention(settings: MultiHeadAttentionSettings): Layer {
  return made('multiHeadAttention', 'MultiHeadAttention', settings, ({ attention }) => attention(settings))
}

/**
 * A trained embedding of each step's number, as KerasHub's layer: of the shape of its input, to be added to it.
 *
 * @throws LEARN_OUTSIDE_MODEL where no learner has loaded TensorFlow.js.
 */
export function positionEmbedding(settings: PositionEmbeddingSettings = {}): Layer {
  return made('positionEmbedding', 'PositionEmbedding', settings, ({ embedding }) => embedding(settings))
}

/**
 * Sines and cosines of each step's number, as KerasHub's layer: of the shape of its input, to be added to it.
 *
 * @throws LEARN_OUTSIDE_MODEL where no learner has loaded TensorFlow.js.
 * @see Vaswani et al. 2017, section 3.5.
 */
export function sinePositionEncoding(settings: SinePositionEncodingSettings = {}): Layer {
  return made('sinePositionEncoding', 'SinePositionEncoding', settings, ({ sine }) => sine(settings))
}

function made(what: string, className: string, settings: object, make: (makers: Makers) => Layer): Layer
function made(what: string, className: string, settings: object, make: (makers: Makers) => Layer): unknown {
  const recorded = recordLayer(className, { ...settings })
  if (recorded !== undefined) return recorded
  const tf = presentTensorFlow()
  if (!tf) throw layersError('LEARN_OUTSIDE_MODEL', { what })
  return make(registerAttention(tf))
}

interface Makers {
  attention(settings: MultiHeadAttentionSettings): Layer
  embedding(settings: PositionEmbeddingSettings): Layer
  sine(settings: SinePositionEncodingSettings): Layer
}

const known = new WeakMap<TensorFlow, Makers>()

type Shape = readonly (number | null)[]

/**
 * Registers the layers' classes with a TensorFlow.js, so that it can load models with these layers. Learners and
 * `loadLayersModel` call this themselves.
 */
export function registerAttention(tf: TensorFlow): Makers {
  const found = known.get(tf)
  if (found) return found
  const classes = {
    attention: attentionClass(tf),
    embedding: positionEmbeddingClass(tf),
    sine: sinePositionEncodingClass(tf),
  }
  for (const made of Object.values(classes)) tf.serialization.registerClass(made)
  const makers: Makers = {
    attention: (settings) => new classes.attention(settings),
    embedding: (settings) => new classes.embedding(settings),
    sine: (settings) => new classes.sine(settings),
  }
  known.set(tf, makers)
  return makers
}

function attentionClass(tf: TensorFlow) {
  type Weight = ReturnType<InstanceType<typeof tf.layers.Layer>['addWeight']>
  return class MultiHeadAttention extends tf.layers.Layer {
    static readonly className = 'MultiHeadAttention'
    readonly #settings: Omit<Required<MultiHeadAttentionSettings>, keyof LayerSettings | 'outputShape'>
    readonly #outputShape: number | undefined
    readonly #kernels = new Map<string, Weight>()
    readonly #biases = new Map<string, Weight>()

    constructor(given: MultiHeadAttentionSettings) {
      const {
        numHeads,
        keyDim,
        valueDim = keyDim,
        outputShape,
        useBias = true,
        dropout = 0,
        useCausalMask = false,
        kernelInitializer = 'glorotUniform',
        biasInitializer = 'zeros',
        ...layer
      } = given
      super(layer)
      this.supportsMasking = true
      this.#outputShape = outputShape ?? undefined
      const initializers = { kernelInitializer, biasInitializer }
      this.#settings = { numHeads, keyDim, valueDim, useBias, dropout, useCausalMask, ...initializers }
    }

    override build(inputShape: Shape | Shape[]): void {
      const [query, value, key] = threefold(shapesOf(inputShape))
      const { numHeads, keyDim, valueDim, useBias } = this.#settings
      const { zeros } = tf.initializers
      const add = (name: string, shape: readonly number[], biasShape: readonly number[]) => {
        // The learner draws the initial weights.
        this.#kernels.set(name, this.addWeight(`${name}/kernel`, [...shape], 'float32', zeros()))
        if (useBias) this.#biases.set(name, this.addWeight(`${name}/bias`, [...biasShape], 'float32', zeros()))
      }
      add('query', [query.at(-1) ?? 1, numHeads, keyDim], [numHeads, keyDim])
      add('key', [key.at(-1) ?? 1, numHeads, keyDim], [numHeads, keyDim])
      add('value', [value.at(-1) ?? 1, numHeads, valueDim], [numHeads, valueDim])
      const outputs = this.#outputShape ?? query.at(-1) ?? 1
      add('attention_output', [numHeads, valueDim, outputs], [outputs])
      this.built = true
    }

    override computeOutputShape(inputShape: Shape | Shape[]): (number | null)[] {
      const [query] = threefold(shapesOf(inputShape))
      return [...query.slice(0, -1), this.#outputShape ?? query.at(-1) ?? null]
    }

    override computeMask(inputs: Tensor | Tensor[], mask?: Tensor | Tensor[]): Tensor | Tensor[] {
      return super.computeMask(inputs, Array.isArray(mask) ? mask[0] : mask)
    }

    override call(inputs: Tensor | Tensor[], { mask }: { mask?: Tensor | (Tensor | null)[] | null } = {}): Tensor {
      return tf.tidy(() => {
        const [query, value, key] = threefold(Array.isArray(inputs) ? inputs : [inputs])
        const { keyDim, useCausalMask } = this.#settings
        const [q, k, v] = [this.#heads('query', query), this.#heads('key', key), this.#heads('value', value)]
        let scores: Tensor = tf.matMul(q, k, false, true).mul(1 / Math.sqrt(keyDim))
        const [steps = 1, keys = 1] = [query.shape[1], value.shape[1]]
        const hide = (allowed: Tensor) => {
          scores = scores.add(tf.sub(1, allowed.cast('float32')).mul(-1e9))
        }
        if (useCausalMask)
          hide(
            tf
              .range(0, keys)
              .reshape([1, 1, 1, keys])
              .lessEqual(tf.range(0, steps).reshape([1, 1, steps, 1])),
          )
        const masks = Array.isArray(mask) ? mask : [mask]
        const padding = masks[1] ?? masks[0]
        if (padding) hide(padding.reshape([-1, 1, 1, keys]))
        return this.#output(tf.matMul(tf.softmax(scores), v))
      })
    }

    /** [batch, heads, steps, dim] of [batch, steps, channels]. */
    #heads(name: string, x: Tensor): Tensor {
      const [batch = 1, steps = 1, channels = 1] = x.shape
      const kernel = required(this.#kernels.get(name)).read()
      const [, heads = 1, dim = 1] = kernel.shape
      const product = tf.matMul(x.reshape([batch * steps, channels]), kernel.reshape([channels, heads * dim]))
      const bias = this.#biases
        .get(name)
        ?.read()
        .reshape([heads * dim])
      return (bias ? product.add(bias) : product).reshape([batch, steps, heads, dim]).transpose([0, 2, 1, 3])
    }

    #output(context: Tensor): Tensor {
      const [batch = 1, heads = 1, steps = 1, dim = 1] = context.shape
      const kernel = required(this.#kernels.get('attention_output')).read()
      const outputs = kernel.shape.at(-1) ?? 1
      const rows = context.transpose([0, 2, 1, 3]).reshape([batch * steps, heads * dim])
      const product = tf.matMul(rows, kernel.reshape([heads * dim, outputs]))
      const bias = this.#biases.get('attention_output')?.read()
      return (bias ? product.add(bias) : product).reshape([batch, steps, outputs])
    }

    override getConfig(): serialization.ConfigDict {
      const { kernelInitializer, biasInitializer, ...settings } = this.#settings
      return {
        ...super.getConfig(),
        ...settings,
        outputShape: this.#outputShape ?? null,
        kernelInitializer: initializerConfig(kernelInitializer),
        biasInitializer: initializerConfig(biasInitializer),
      }
    }
  }
}

function positionEmbeddingClass(tf: TensorFlow) {
  return class PositionEmbedding extends tf.layers.Layer {
    static readonly className = 'PositionEmbedding'
    readonly #sequenceLength: number | undefined
    readonly #initializer: string
    #embeddings: ReturnType<PositionEmbedding['addWeight']> | undefined

    constructor({ sequenceLength, embeddingsInitializer = 'glorotUniform', ...layer }: PositionEmbeddingSettings) {
      super(layer)
      this.supportsMasking = true
      this.#sequenceLength = sequenceLength ?? undefined
      this.#initializer = embeddingsInitializer
    }

    override build(given: Shape | Shape[]): void {
      const [inputShape = []] = shapesOf(given)
      const positions = this.#sequenceLength ?? inputShape.at(-2) ?? 1
      const { zeros } = tf.initializers
      this.#embeddings = this.addWeight('embeddings', [positions, inputShape.at(-1) ?? 1], 'float32', zeros())
      this.built = true
    }

    override call(inputs: Tensor | Tensor[]): Tensor {
      return tf.tidy(() => {
        const [x] = Array.isArray(inputs) ? inputs : [inputs]
        const [batch = 1, steps = 1, channels = 1] = required(x).shape
        const rows = required(this.#embeddings).read().slice([0, 0], [steps, channels])
        return rows.reshape([1, steps, channels]).tile([batch, 1, 1])
      })
    }

    override getConfig(): serialization.ConfigDict {
      return {
        ...super.getConfig(),
        sequenceLength: this.#sequenceLength ?? null,
        embeddingsInitializer: initializerConfig(this.#initializer),
      }
    }
  }
}

function sinePositionEncodingClass(tf: TensorFlow) {
  return class SinePositionEncoding extends tf.layers.Layer {
    static readonly className = 'SinePositionEncoding'
    readonly #maxWavelength: number

    constructor({ maxWavelength = 10_000, ...layer }: SinePositionEncodingSettings) {
      super(layer)
      this.supportsMasking = true
      this.#maxWavelength = maxWavelength
    }

    override call(inputs: Tensor | Tensor[]): Tensor {
      return tf.tidy(() => {
        const [x] = Array.isArray(inputs) ? inputs : [inputs]
        const [batch = 1, steps = 1, channels = 1] = required(x).shape
        return tf.tensor(sinePositions(steps, channels, this.#maxWavelength), [1, steps, channels]).tile([batch, 1, 1])
      })
    }

    override getConfig(): serialization.ConfigDict {
      return { ...super.getConfig(), maxWavelength: this.#maxWavelength }
    }
  }
}

/** The initializer as TensorFlow.js writes it. A loaded layer already has it so. */
function initializerConfig(given: string | InitializerSpec): serialization.ConfigDict {
  const { className, config } = typeof given === 'string' ? initializerSpec(given) : given
  return JSON.parse(JSON.stringify({ className, config }))
}

function shapesOf(shape: Shape | Shape[]): Shape[]
function shapesOf(shape: readonly unknown[]): readonly unknown[] {
  return Array.isArray(shape[0]) ? shape : [shape]
}

/** Query, value and key of a list of inputs. */
function threefold<Value>([query, value = query, key = value]: readonly Value[]): [Value, Value, Value] {
  return [required(query), required(value), required(key)]
}

function required<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new TypeError('a layer is called with a tensor, once it is built')
  return value
}
