import type { EngineLayers } from './layer-types.ts'

/** Factories of TensorFlow.js layers whose calls are recorded, with the class of each layer. */
export const recordedClasses: Readonly<Record<keyof EngineLayers, string>> = {
  activation: 'Activation',
  add: 'Add',
  averagePooling2d: 'AveragePooling2D',
  avgPool2d: 'AveragePooling2D',
  avgPooling2d: 'AveragePooling2D',
  batchNormalization: 'BatchNormalization',
  bidirectional: 'Bidirectional',
  conv2d: 'Conv2D',
  dense: 'Dense',
  depthwiseConv2d: 'DepthwiseConv2D',
  dropout: 'Dropout',
  elu: 'ELU',
  embedding: 'Embedding',
  flatten: 'Flatten',
  globalAveragePooling1d: 'GlobalAveragePooling1D',
  globalAveragePooling2d: 'GlobalAveragePooling2D',
  gru: 'GRU',
  inputLayer: 'InputLayer',
  layerNormalization: 'LayerNormalization',
  leakyReLU: 'LeakyReLU',
  lstm: 'LSTM',
  masking: 'Masking',
  maxPool2d: 'MaxPooling2D',
  maxPooling2d: 'MaxPooling2D',
  prelu: 'PReLU',
  reLU: 'ReLU',
  reshape: 'Reshape',
  simpleRNN: 'SimpleRNN',
  softmax: 'Softmax',
  timeDistributed: 'TimeDistributed',
  thresholdedReLU: 'ThresholdedReLU',
  zeroPadding2d: 'ZeroPadding2D',
}

type Config = Readonly<Record<string, unknown>>

/** A layer whose factory was called. */
class RecordedLayer {
  readonly className: string
  readonly config: Config
  inputs: readonly RecordedTensor[] | undefined

  constructor(className: string, config: Config) {
    this.className = className
    this.config = config
  }

  apply(given: unknown): RecordedTensor {
    const inputs: unknown[] = Array.isArray(given) ? given : [given]
    if (this.inputs || !inputs.every((input) => input instanceof RecordedTensor))
      throw new NotRecorded("a layer twice, or on something that is no layer's output")
    this.inputs = inputs
    return new RecordedTensor(this)
  }
}

/** The output of a layer. */
class RecordedTensor {
  readonly sourceLayer: RecordedLayer

  constructor(sourceLayer: RecordedLayer) {
    this.sourceLayer = sourceLayer
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
  readonly output: RecordedTensor
  /** Each layer after the layers of its inputs. */
  readonly layers: RecordedLayer[] = []

  constructor(inputs: readonly RecordedTensor[], output: RecordedTensor) {
    this.inputs = inputs
    this.output = output
    const visit = ({ sourceLayer }: RecordedTensor) => {
      if (this.layers.includes(sourceLayer)) return
      for (const input of sourceLayer.inputs ?? []) visit(input)
      this.layers.push(sourceLayer)
    }
    visit(output)
  }
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
        (config: Config = {}) => new RecordedLayer(className, config),
      ]),
    ),
  ),
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
    const [input, output] = [inputs, outputs].map((given): unknown[] => (Array.isArray(given) ? given : [given]))
    const [only, ...others] = output ?? []
    const fits = input?.length === 1 && others.length === 0
    if (!fits || !input.every((tensor) => tensor instanceof RecordedTensor) || !(only instanceof RecordedTensor))
      throw new NotRecorded('several inputs or outputs')
    return new RecordedFunctional(input, only)
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

function functionalTopology({ inputs, output, layers }: RecordedFunctional): unknown {
  const nameOf = namer(layers)
  const end = ({ sourceLayer }: RecordedTensor) => [nameOf(sourceLayer), 0, 0]
  return {
    class_name: 'Model',
    config: {
      name: 'model',
      layers: layers.map((layer) => ({
        ...layerJson(layer, nameOf),
        name: nameOf(layer),
        inbound_nodes: layer.inputs?.length ? [layer.inputs.map((input) => [...end(input), {}])] : [],
      })),
      input_layers: inputs.map(end),
      output_layers: [end(output)],
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
  const { className, config } = layer
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
  if (typeof value === 'function' || (typeof value === 'object' && value !== null && !Array.isArray(value)))
    throw new NotRecorded('an object as the setting of a layer')
  return value
}

/** The form of names in TensorFlow.js's JSON: MaxPooling2D becomes max_pooling2d. */
function snakeCase(name: string): string {
  return name
    .replace(/(.)([A-Z][a-z0-9]+)/g, '$1_$2')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase()
}
