import type { EngineLayers } from './layer-types.ts'

/** Factories of TensorFlow.js layers whose calls are recorded, with the class of each layer. */
export const recordedClasses: Readonly<Record<keyof EngineLayers, string>> = {
  activation: 'Activation',
  add: 'Add',
  average: 'Average',
  averagePooling1d: 'AveragePooling1D',
  averagePooling2d: 'AveragePooling2D',
  avgPool1d: 'AveragePooling1D',
  avgPool2d: 'AveragePooling2D',
  avgPooling1d: 'AveragePooling1D',
  avgPooling2d: 'AveragePooling2D',
  batchNormalization: 'BatchNormalization',
  bidirectional: 'Bidirectional',
  concatenate: 'Concatenate',
  conv1d: 'Conv1D',
  conv2d: 'Conv2D',
  conv2dTranspose: 'Conv2DTranspose',
  dense: 'Dense',
  depthwiseConv2d: 'DepthwiseConv2D',
  dropout: 'Dropout',
  elu: 'ELU',
  embedding: 'Embedding',
  flatten: 'Flatten',
  globalAveragePooling1d: 'GlobalAveragePooling1D',
  globalAveragePooling2d: 'GlobalAveragePooling2D',
  globalMaxPool1d: 'GlobalMaxPooling1D',
  globalMaxPool2d: 'GlobalMaxPooling2D',
  globalMaxPooling1d: 'GlobalMaxPooling1D',
  globalMaxPooling2d: 'GlobalMaxPooling2D',
  gru: 'GRU',
  inputLayer: 'InputLayer',
  layerNormalization: 'LayerNormalization',
  leakyReLU: 'LeakyReLU',
  lstm: 'LSTM',
  masking: 'Masking',
  maxPool1d: 'MaxPooling1D',
  maxPool2d: 'MaxPooling2D',
  maxPooling1d: 'MaxPooling1D',
  maxPooling2d: 'MaxPooling2D',
  prelu: 'PReLU',
  maximum: 'Maximum',
  minimum: 'Minimum',
  multiply: 'Multiply',
  reLU: 'ReLU',
  reshape: 'Reshape',
  simpleRNN: 'SimpleRNN',
  softmax: 'Softmax',
  timeDistributed: 'TimeDistributed',
  thresholdedReLU: 'ThresholdedReLU',
  upSampling2d: 'UpSampling2D',
  zeroPadding2d: 'ZeroPadding2D',
}

type Config = Readonly<Record<string, unknown>>

/** A layer whose factory was called. */
class RecordedLayer {
  readonly className: string
  readonly config: Config
  /** May be set after the call, as in TensorFlow.js. */
  trainable: unknown
  /** For each use, the inputs. */
  readonly uses: (readonly RecordedTensor[])[] = []

  constructor(className: string, config: Config) {
    this.className = className
    this.config = config
    this.trainable = config.trainable
  }

  apply(given: unknown): RecordedTensor {
    const inputs: unknown[] = Array.isArray(given) ? given : [given]
    if (!inputs.every((input) => input instanceof RecordedTensor))
      throw new NotRecorded("a layer on something that is no layer's output")
    this.uses.push(inputs)
    return new RecordedTensor(this, this.uses.length - 1)
  }
}

/** The output of a layer's use. */
class RecordedTensor {
  readonly sourceLayer: RecordedLayer
  readonly use: number

  constructor(sourceLayer: RecordedLayer, use: number) {
    this.sourceLayer = sourceLayer
    this.use = use
  }
}

/** A regularizer or a constraint. */
class RecordedRule {
  readonly className: string
  readonly config: Config

  constructor(className: string, config: Config) {
    this.className = className
    this.config = config
  }
}

class RecordedSequential {
  readonly layers: RecordedLayer[] = []

  add(layer: unknown): void {
    if (!(layer instanceof RecordedLayer)) throw new NotRecorded('a layer of another kind')
    this.layers.push(layer)
  }
}

class RecordedFunctional {
  readonly inputs: readonly RecordedTensor[]
  readonly outputs: readonly RecordedTensor[]
  /** The layers' uses that lie before the outputs. */
  readonly uses: ReadonlyMap<RecordedLayer, readonly number[]>
  readonly layers: readonly RecordedLayer[]

  constructor(inputs: readonly RecordedTensor[], outputs: readonly RecordedTensor[]) {
    this.inputs = inputs
    this.outputs = outputs
    const ordered = usesBefore(outputs)
    const uses = new Map<RecordedLayer, number[]>()
    for (const { layer, use } of ordered)
      uses.set(
        layer,
        [...(uses.get(layer) ?? []), use].toSorted((a, b) => a - b),
      )
    this.uses = uses
    if (!inputs.every(({ sourceLayer }) => uses.has(sourceLayer)))
      throw new NotRecorded('an input on which no output depends')
    this.layers = byDepth(ordered)
  }
}

/** A use of a layer, and when the layer was first met on the way from the outputs. */
interface RecordedUse {
  readonly layer: RecordedLayer
  readonly use: number
  readonly met: number
}

/** The uses on which outputs depend, each after those of its inputs. */
function usesBefore(outputs: readonly RecordedTensor[]): readonly RecordedUse[] {
  const met = new Map<RecordedLayer, number>()
  const done = new Map<RecordedLayer, Set<number>>()
  const ordered: RecordedUse[] = []
  const visit = ({ sourceLayer: layer, use }: RecordedTensor) => {
    const known = done.get(layer) ?? new Set()
    if (known.has(use)) return
    done.set(layer, known.add(use))
    met.set(layer, met.get(layer) ?? met.size)
    for (const input of layer.uses[use] ?? []) visit(input)
    ordered.push({ layer, use, met: met.get(layer) ?? 0 })
  }
  for (const output of outputs) visit(output)
  return ordered
}

/**
 * The layers in the order of TensorFlow.js, which numbers layers without a name, and puts weights in this order: those
 * that lie furthest from the outputs come first, and of those at one distance the one that was met first.
 */
function byDepth(ordered: readonly RecordedUse[]): readonly RecordedLayer[] {
  const depths = new Map<RecordedLayer, number>()
  const ofUse = new Map<RecordedUse, number>()
  const useOf = ({ sourceLayer, use }: RecordedTensor) =>
    ordered.find((found) => found.layer === sourceLayer && found.use === use)
  for (const found of ordered.toReversed()) {
    const { layer, use } = found
    const depth = Math.max(ofUse.get(found) ?? 0, depths.get(layer) ?? 0)
    depths.set(layer, depth)
    for (const input of layer.uses[use] ?? []) {
      const before = useOf(input)
      if (before) ofUse.set(before, Math.max(depth + 1, ofUse.get(before) ?? 0))
    }
  }
  const met = new Map(ordered.map((found) => [found.layer, found.met]))
  const place = (layer: RecordedLayer) => met.get(layer) ?? 0
  return [...depths]
    .toSorted(([a, depthA], [b, depthB]) => depthB - depthA || place(a) - place(b))
    .map(([layer]) => layer)
}

/** A model's function used a part of TensorFlow.js that can't be recorded. */
class NotRecorded extends Error {
  constructor(used: string) {
    super(`it uses ${used}, which the engine does not know`)
  }
}

/** A model's topology in the form of TensorFlow.js, or the reason for which it couldn't be recorded. */
export type Recording = { readonly topology: unknown } | { readonly cause: Error }

/**
 * Calls a function that builds a layers model, with a stand-in for TensorFlow.js that only records the layers. A model
 * that the engine runs doesn't need TensorFlow.js, which takes longer to load than a client takes to train.
 */
export function recordModel(build: (...tf: never) => unknown): Recording {
  recording = true
  try {
    const model: unknown = Reflect.apply(build, undefined, [standIn])
    if (model instanceof RecordedSequential) return { topology: sequentialTopology(model.layers) }
    if (model instanceof RecordedFunctional) return { topology: functionalTopology(model) }
    return { cause: new Error('its function gives no model') }
  } catch (error) {
    return { cause: error instanceof Error ? error : new Error(String(error)) }
  } finally {
    recording = false
  }
}

let recording = false

/** Records a layer of this package's own class. Undefined while no model is recorded. */
export function recordLayer(className: string, config: Config): unknown {
  return recording ? new RecordedLayer(className, config) : undefined
}

const standIn = recorded('', {
  layers: recorded(
    'layers.',
    Object.fromEntries(
      Object.entries(recordedClasses).map(([factory, className]) => [
        factory,
        (config: unknown = {}) => {
          // Layers that join tensors may be given the tensors at once.
          if (Array.isArray(config)) return new RecordedLayer(className, {}).apply(config)
          return new RecordedLayer(className, isConfig(config) ? config : {})
        },
      ]),
    ),
  ),
  regularizers: recorded('regularizers.', {
    l1l2: (config: Config = {}) => new RecordedRule('L1L2', { l1: 0.01, l2: 0.01, ...config }),
    l1: (config: Config = {}) => new RecordedRule('L1L2', { l1: 0.01, ...config, l2: 0 }),
    l2: (config: Config = {}) => new RecordedRule('L1L2', { l2: 0.01, ...config, l1: 0 }),
  }),
  constraints: recorded('constraints.', {
    maxNorm: (config: Config = {}) => new RecordedRule('MaxNorm', config),
    minMaxNorm: (config: Config = {}) => new RecordedRule('MinMaxNorm', config),
    nonNeg: () => new RecordedRule('NonNeg', {}),
    unitNorm: (config: Config = {}) => new RecordedRule('UnitNorm', config),
  }),
  input: (config: Config) => {
    const layer = new RecordedLayer('InputLayer', { ...config, inputShape: config.shape })
    return layer.apply([])
  },
  sequential: ({ layers = [] }: { readonly layers?: readonly unknown[] } = {}) => {
    const model = new RecordedSequential()
    for (const layer of layers) model.add(layer)
    return model
  },
  model: ({ inputs, outputs }: { readonly inputs: unknown; readonly outputs: unknown }) => {
    const [from, to] = [inputs, outputs].map((given): unknown[] => (Array.isArray(given) ? given : [given]))
    const tensors = (given: readonly unknown[] = []) => given.filter((tensor) => tensor instanceof RecordedTensor)
    if (!from?.length || !to?.length || ![...from, ...to].every((tensor) => tensor instanceof RecordedTensor))
      throw new NotRecorded("a model of something that is no layer's output")
    return new RecordedFunctional(tensors(from), tensors(to))
  },
})

/** An object that throws at the use of any other property. `path` begins the property's name in the error. */
function recorded(path: string, known: Readonly<Record<string, unknown>>): object {
  return new Proxy(known, {
    get(target, property) {
      const found = Reflect.get(target, property)
      if (found === undefined) throw new NotRecorded(`${path}${String(property)}`)
      return found
    },
  })
}

function sequentialTopology(layers: readonly RecordedLayer[]): unknown {
  const nameOf = namer(layers)
  return {
    class_name: 'Sequential',
    config: { name: 'model', layers: layers.map((layer) => layerJson(layer, nameOf)) },
  }
}

function functionalTopology({ inputs, outputs, layers, uses }: RecordedFunctional): unknown {
  const nameOf = namer(layers)
  const usesOf = (layer: RecordedLayer) => uses.get(layer) ?? []
  const end = ({ sourceLayer, use }: RecordedTensor) => [nameOf(sourceLayer), usesOf(sourceLayer).indexOf(use), 0]
  const inputsOf = (layer: RecordedLayer) => usesOf(layer).map((use) => layer.uses[use] ?? [])
  return {
    class_name: 'Model',
    config: {
      name: 'model',
      layers: layers.map((layer) => ({
        ...layerJson(layer, nameOf),
        name: nameOf(layer),
        inbound_nodes: inputsOf(layer).flatMap((given) =>
          given.length === 0 ? [] : [given.map((input) => [...end(input), {}])],
        ),
      })),
      input_layers: inputs.map(end),
      output_layers: outputs.map(end),
    },
  }
}

/** Names each layer. A layer without a name is numbered within the model. */
function namer(given: readonly RecordedLayer[]): (layer: RecordedLayer) => string {
  const layers = given.flatMap(withWrapped)
  const names = new Map<RecordedLayer, string>()
  const taken = new Set(layers.map(({ config }) => config.name))
  for (const layer of layers) {
    const prefix = snakeCase(layer.className)
    let number = 1
    while (taken.has(`${prefix}_${number}`)) number += 1
    const name = typeof layer.config.name === 'string' ? layer.config.name : `${prefix}_${number}`
    taken.add(name)
    names.set(layer, name)
  }
  return (layer) => names.get(layer) ?? ''
}

/** A layer, and the layers that it wraps. */
function withWrapped(layer: RecordedLayer): RecordedLayer[] {
  const wrapped = Object.values(layer.config).filter((value) => value instanceof RecordedLayer)
  return [layer, ...wrapped.flatMap(withWrapped)]
}

interface LayerJson {
  readonly class_name: string
  readonly config: Config
}

function layerJson(layer: RecordedLayer, nameOf: (layer: RecordedLayer) => string): LayerJson {
  const { className, config: given, trainable } = layer
  const config: Config = trainable === undefined ? given : { ...given, trainable }
  const { inputShape = lengthOf(className, config), shape: _, ...settings } = config
  const json = Object.fromEntries(
    Object.entries(settings).map(([setting, value]) => [
      snakeCase(setting),
      value instanceof RecordedLayer ? layerJson(value, nameOf) : plain(value),
    ]),
  )
  const input = Array.isArray(inputShape) ? { batch_input_shape: [null, ...inputShape], dtype: 'float32' } : {}
  return { class_name: className, config: { ...json, ...input, name: nameOf(layer) } }
}

/** The length of an embedding's input, which may be given in place of the shape. */
function lengthOf(className: string, { inputLength }: Config): unknown {
  return className === 'Embedding' && typeof inputLength === 'number' ? [inputLength] : undefined
}

function plain(value: unknown): unknown {
  if (value instanceof RecordedRule) {
    const settings = Object.entries(value.config).map(([setting, given]) => [snakeCase(setting), plain(given)])
    return { class_name: value.className, config: Object.fromEntries(settings) }
  }
  if (typeof value === 'function' || (typeof value === 'object' && value !== null && !Array.isArray(value)))
    throw new NotRecorded('an object as the setting of a layer')
  return value
}

function isConfig(value: unknown): value is Config {
  return typeof value === 'object' && value !== null
}

/** The form of names in TensorFlow.js's JSON: MaxPooling2D becomes max_pooling2d. */
function snakeCase(name: string): string {
  return name
    .replace(/(.)([A-Z][a-z0-9]+)/g, '$1_$2')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase()
}
