import { modelError } from '../../learn/model-errors.ts'
import { sizeOf } from '../../weights/layout.ts'
import type { Plan } from '../plan.ts'

/** A use of a layer in a model, from Keras JSON. */
export interface LayerNode {
  /** The layer's name. From the layer's second use on, a colon and the number of the use follow. */
  readonly name: string
  /** The layer's name, if the layer has several uses, which share its weights. */
  readonly layer?: string
  readonly className: string
  readonly config: LayerConfig
  /** Names of the uses whose outputs are the inputs. */
  readonly inputs: readonly string[]
}

type LayerConfig = Readonly<Record<string, unknown>>

/** A model's layers, each use after those of its inputs. */
export interface LayerGraph {
  /** Shape of one example. Several inputs lie side by side in one vector, in the model's order. */
  readonly inputShape: readonly number[]
  readonly layers: readonly LayerNode[]
  /** The layers' names in the model's order, which is that of their weights. Default: the order of `layers`. */
  readonly order?: readonly string[]
  /** The layer whose output is the model's output. Joins several outputs side by side, in the model's order. */
  readonly output: string
  /** Layers of several outputs, in the model's order. Absent for one output. */
  readonly outputs?: readonly string[]
  /** Rank and factor of the adapters of dense and attention layers. Default: no adapters. */
  readonly adapters?: Plan['adapters'] | undefined
  /** Whether the gradient with respect to the input is needed, as for a part of a model. Default: no. */
  readonly inputGradient?: boolean
}

/** Name of the model's input among the layers' inputs. */
export const modelInput = 'input'

/** Class of the nodes that cut one of several inputs out of the vector of all inputs. */
export const inputSlice = ':InputSlice'

/** Name of the node that joins several outputs. */
const modelOutputs = ':outputs'

/** Whether a use belongs to the graph alone, and not to the model. */
export function isOfGraph({ name, className }: LayerNode): boolean {
  return className === inputSlice || name.startsWith(modelOutputs)
}

/** The name of the layer, which several uses may share. */
export function layerOf({ name, layer = name }: LayerNode): string {
  return layer
}

/**
 * Reads a model's topology in the form of TensorFlow.js: a sequential model, or a functional one, which may have several
 * inputs and outputs, and use a layer several times. LEARN_ENGINE_MODEL for any other model.
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
  const given = layersOf(config)
  const shapes = given.flatMap(({ name, className, config: layer }) =>
    className === 'InputLayer' ? [[name, shapeOf(layer)] as const] : [],
  )
  const { inputShape, slices } = inputsOf(shapes, list(config.input_layers ?? [], 'its inputs'))
  const renamed = new Map(slices.length === 0 ? shapes.map(([name]) => [name, modelInput]) : [])
  const source = (end: unknown, what: string) => {
    const [layer, use = 0] = list(end, what)
    const name = String(layer)
    return renamed.get(name) ?? useName(name, Number(use))
  }
  const own = given.filter(({ className }) => className !== 'InputLayer')
  const uses = own.flatMap(({ name, className, config: layer, inbound }) => {
    if (inbound.length === 0) throw unfit(`layer ${name} has no input`)
    return inbound.map((inputs, use): LayerNode => {
      const sources = list(inputs, `the inputs of ${name}`).map((input) => source(input, `an input of ${name}`))
      const shared = inbound.length > 1 && { layer: name }
      return { name: useName(name, use), ...shared, className, config: layer, inputs: sources }
    })
  })
  const order = own.map(({ name }) => name)
  const layers = [...slices, ...inOrder(uses, [modelInput, ...slices.map(({ name }) => name)])]
  const ends = list(config.output_layers, 'its outputs').map((end) => source(end, 'its output'))
  const [output, ...others] = ends
  if (output === undefined) throw unfit('it has no output')
  if (others.length === 0) return { inputShape, layers, order, output }

  const flat = ends.map((end, index): LayerNode => {
    const name = `${modelOutputs}:${index}`
    return { name, className: 'Flatten', config: { name }, inputs: [end] }
  })
  const joined: LayerNode = {
    name: modelOutputs,
    className: 'Concatenate',
    config: { name: modelOutputs },
    inputs: flat.map(({ name }) => name),
  }
  return { inputShape, layers: [...layers, ...flat, joined], order, output: modelOutputs, outputs: ends }
}

/** The shape of one example, and a node for each of several inputs, which cuts the input out of the example. */
function inputsOf(shapes: readonly (readonly [string, readonly number[] | undefined])[], order: readonly unknown[]) {
  const known = new Map(shapes)
  const [first, ...others] = known.size > 1 ? order.map((end) => String(list(end, 'an input')[0])) : [...known.keys()]
  const shapeNamed = (name: string | undefined) => {
    const shape = name === undefined ? undefined : known.get(name)
    if (shape) return shape
    throw unfit(name === undefined ? 'it has no input' : `its input ${name} has no shape`)
  }
  if (known.size > 1 && order.length !== known.size)
    throw unfit(`it has ${known.size} inputs, but names ${order.length}`)
  if (others.length === 0) return { inputShape: shapeNamed(first), slices: [] }
  let size = 0
  const slices = [first, ...others].map((name = '', index): LayerNode => {
    const shape = shapeNamed(name)
    if (others.indexOf(name, index) >= 0) throw unfit(`its input ${name} occurs twice`)
    const from = size
    size += sizeOf(shape)
    return { name, className: inputSlice, config: { name, from, shape }, inputs: [modelInput] }
  })
  return { inputShape: [size], slices }
}

/** Uses in their given order, but each after those of its inputs. */
function inOrder(uses: readonly LayerNode[], known: readonly string[]): readonly LayerNode[] {
  const done = new Set(known)
  const ordered: LayerNode[] = []
  let left = uses
  while (left.length > 0) {
    const later: LayerNode[] = []
    for (const use of left) {
      if (!use.inputs.every((input) => done.has(input))) {
        later.push(use)
        continue
      }
      ordered.push(use)
      done.add(use.name)
    }
    const [first] = later
    if (first && later.length === left.length) throw unfit(`layer ${first.name} takes what no layer before it gives`)
    left = later
  }
  return ordered
}

/** The name of a layer's use, counted from 0. */
function useName(layer: string, use: number): string {
  return use === 0 ? layer : `${layer}:${use}`
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
  return modelError('LEARN_ENGINE_MODEL', { reason })
}

/** Names that TensorFlow.js accepts for layers and tensors. */
const loadable = /^[A-Za-z0-9][-A-Za-z0-9._/]*$/

/** @throws LEARN_LAYER_NAME for a name with which TensorFlow.js can't load a layer. */
export function requireLayerName(name: string): void {
  if (!loadable.test(name)) throw modelError('LEARN_LAYER_NAME', { name, fault: 'has characters that are not allowed' })
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
    throw modelError('LEARN_LAYER_NAME', { name: twin, fault: `belongs to two ${what}` })
  }
}

/** The first name that occurs twice. */
export function twinAmong(names: readonly string[]): string | undefined {
  return names.find((name, index) => names.indexOf(name) < index)
}
