import { learnError } from '../../learn/errors.ts'

/** A layer of a model, from Keras JSON. */
export interface LayerNode {
  readonly name: string
  readonly className: string
  readonly config: LayerConfig
  /** Names of the layers whose outputs are this layer's inputs. */
  readonly inputs: readonly string[]
}

type LayerConfig = Readonly<Record<string, unknown>>

/** A model's layers, each after the layers of its inputs. */
export interface LayerGraph {
  readonly inputShape: readonly number[]
  readonly layers: readonly LayerNode[]
  /** The layer whose output is the model's output. */
  readonly output: string
  /** Whether the gradient with respect to the input is needed, as for a part of a model. Default: no. */
  readonly inputGradient?: boolean
}

/** Name of the model's input among the layers' inputs. */
export const modelInput = 'input'

/**
 * Reads a model's topology in the form of TensorFlow.js: a sequential model, or a functional model that uses every
 * layer once. LEARN_ENGINE_MODEL for any other model.
 */
export function layerGraph(topology: unknown): LayerGraph {
  const saved = record(topology, 'the topology')
  // Keras and its converters store the model under this name, beside other entries.
  const model = saved.model_config === undefined ? saved : record(saved.model_config, 'the topology')
  const config = record(model.config, 'the configuration')
  return model.class_name === 'Sequential' ? sequentialGraph(config) : functionalGraph(config)
}

function sequentialGraph(config: LayerConfig): LayerGraph {
  let previous = modelInput
  let inputShape: readonly number[] | undefined
  const layers: LayerNode[] = []
  for (const { name, className, config: layer } of layersOf(config)) {
    inputShape ??= shapeOf(layer)
    if (className === 'InputLayer') continue
    layers.push({ name, className, config: layer, inputs: [previous] })
    previous = name
  }
  if (!inputShape) throw unfit('its first layer has no input shape')
  return { inputShape, layers, output: previous }
}

function functionalGraph(config: LayerConfig): LayerGraph {
  let inputShape: readonly number[] | undefined
  const renamed = new Map<string, string>()
  const layers: LayerNode[] = []
  for (const { name, className, config: layer, inbound } of layersOf(config)) {
    if (className === 'InputLayer') {
      if (inputShape) throw unfit('it has several inputs')
      inputShape = shapeOf(layer)
      renamed.set(name, modelInput)
      continue
    }
    if (inbound.length !== 1) throw unfit(`layer ${name} is used ${inbound.length} times`)
    const inputs = list(inbound[0], `the inputs of ${name}`).map((input) => {
      const source = String(list(input, `an input of ${name}`)[0])
      return renamed.get(source) ?? source
    })
    layers.push({ name, className, config: layer, inputs })
  }
  const [output, ...others] = list(config.output_layers, 'its outputs')
  if (!inputShape || output === undefined || others.length > 0) throw unfit('it must have one input and one output')
  return { inputShape, layers, output: String(list(output, 'its output')[0]) }
}

function layersOf(config: LayerConfig) {
  return list(config.layers, 'its layers').map((entry) => {
    const { class_name, config: layerConfig, inbound_nodes } = record(entry, 'a layer')
    const layer = record(layerConfig, 'a layer')
    return {
      name: String(layer.name),
      className: String(class_name),
      config: layer,
      inbound: inbound_nodes === undefined ? [] : list(inbound_nodes, 'the nodes of a layer'),
    }
  })
}

function shapeOf(config: LayerConfig): readonly number[] | undefined {
  if (!Array.isArray(config.batch_input_shape)) return undefined
  return config.batch_input_shape.slice(1).map((length: unknown) => {
    if (typeof length !== 'number') throw unfit('a dimension of its input is not known')
    return length
  })
}

function record(value: unknown, what: string): LayerConfig {
  if (isRecord(value)) return value
  throw unfit(`${what} is no object`)
}

function isRecord(value: unknown): value is LayerConfig {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function list(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value
  throw unfit(`${what} is no list`)
}

function unfit(reason: string): Error {
  return learnError('LEARN_ENGINE_MODEL', { reason })
}

/** Names that TensorFlow.js accepts for layers and tensors. */
const loadable = /^[A-Za-z0-9][-A-Za-z0-9._/]*$/

/** @throws LEARN_LAYER_NAME for a name with which TensorFlow.js can't load a layer. */
export function requireLayerName(name: string): void {
  if (!loadable.test(name)) throw learnError('LEARN_LAYER_NAME', { name, fault: 'has characters that are not allowed' })
}

/**
 * @throws LEARN_LAYER_NAME for a name with which TensorFlow.js can't load a layer, or a name that belongs to two layers
 *   or two tensors.
 */
export function requireLoadableNames(layers: readonly string[], tensors: readonly string[]): void {
  for (const name of layers) requireLayerName(name)
  for (const names of [layers, tensors]) {
    const twin = twinAmong(names)
    if (twin === undefined) continue
    const what = names === layers ? 'layers' : 'tensors'
    throw learnError('LEARN_LAYER_NAME', { name: twin, fault: `belongs to two ${what}` })
  }
}

/** The first name that occurs twice. */
export function twinAmong(names: readonly string[]): string | undefined {
  return names.find((name, index) => names.indexOf(name) < index)
}
