import type { LayersModel } from '@tensorflow/tfjs'
import { isRecord } from '../../runtime/index.ts'
import { requireLoadableNames } from '../engine/index.ts'
import { forgetBias, type InitializerSpec, initialValues } from '../learn/initializer.ts'
import type { RandomStream } from '../random/random-stream.ts'
import { type Layout, layoutOf, sizeOf, type TensorSpec, tensorViews } from '../weights/layout.ts'
import { layersError } from './errors.ts'
import { type LastActivationOf, lastActivationOf } from './layers-loss.ts'
import type { TensorFlow } from './tensorflow.ts'

type Layer = LayersModel['layers'][number]
type Weight = Layer['weights'][number]

/** A layers model as a learner needs it. Names don't depend on the number of models made before. */
export interface ModelDescription {
  readonly layout: Layout
  readonly topology: unknown
  /** Shape of one example. Several inputs lie side by side in one vector, in the model's order. */
  readonly inputShape: readonly number[]
  readonly inputShapes: readonly (readonly number[])[]
  /** The model's last activation, if it ends with one. */
  readonly lastActivation: LastActivationOf | undefined
  /** Number of output values for one example. */
  readonly outputs: number
  /** Several outputs lie side by side in one vector, in the model's order. */
  readonly outputShape: readonly number[]
  readonly outputShapes: readonly (readonly number[])[]
  /** A layer that normalizes over a batch, if any. */
  readonly wholeBatchFor: string | undefined
  initialWeights(random: RandomStream): Float32Array
  /** Seeds each dropout layer's next mask from the stream. */
  seedDropout(random: RandomStream): void
  /** The name of a layer in the layout and the topology. */
  nameOf(layer: Layer): string
}

/**
 * @throws LEARN_MODEL for a model with unknown dimensions; LEARN_RANDOM_LAYER for a model whose training draws random
 *   numbers that can't come from a stream.
 */
export function describeModel(tf: TensorFlow, model: LayersModel): ModelDescription {
  if (!(model instanceof tf.LayersModel))
    throw layersError('LEARN_MODEL', { came: `it is no layers model, but ${typeof model}` })
  const layers = allLayers(tf, model)
  const normalizers = layers.filter((layer) => layer.getClassName() === 'BatchNormalization')
  for (const layer of normalizers) if (!layer.trainable) useMovingMeans(layer)
  const normalizer = normalizers.find(({ trainable }) => trainable)
  const dropouts = layers.filter(drawsMasks)
  const inputShapes = model.inputs.map(({ shape }) => knownShape(shape))
  const outputShapes = model.outputs.map(({ shape }) => knownShape(shape))
  const outputShape = sideBySide(outputShapes)
  const names = stableNames(model.name, layers)
  const initializers = new Map<Weight, InitializerSpec>()
  for (const layer of layers) {
    for (const weight of layer.weights) {
      const initializer = initializerOf(layer, weight.originalName)
      if (initializer) initializers.set(weight, initializer)
    }
  }
  const last = lastActivationOf(tf, model)
  const tensors = model.weights.map(
    ({ originalName, shape }): TensorSpec => ({
      name: rename(originalName, names),
      shape: shape.map((length) => length ?? 0),
    }),
  )
  requireLoadableNames(
    model.layers.map(({ name }) => names.get(name) ?? name),
    tensors.map(({ name }) => name),
  )
  const layout = layoutOf(tensors)
  return {
    layout,
    topology: renameAll(model.toJSON(null, false), names),
    lastActivation: last && { ...last, layer: names.get(last.layer) ?? last.layer },
    inputShape: sideBySide(inputShapes),
    inputShapes,
    outputs: sizeOf(outputShape),
    outputShape,
    outputShapes,
    wholeBatchFor: normalizer && (names.get(normalizer.name) ?? normalizer.name),
    initialWeights(random) {
      const weights = new Float32Array(layout.size)
      const views = tensorViews(layout, weights)
      for (const [index, weight] of model.weights.entries()) {
        const tensor = tensors[index]
        if (!tensor) continue
        const initializer = initializers.get(weight) ?? { className: 'unknown', config: {} }
        views.get(tensor.name)?.set(initialValues(tensor, initializer, random))
      }
      return weights
    },
    nameOf: ({ name }) => names.get(name) ?? name,
    seedDropout(random) {
      // TensorFlow.js takes 0 for no seed. A layer reads the field only when it's called.
      for (const layer of dropouts) Reflect.set(layer, 'seed', random.uint32() + 1)
    },
  }
}

/**
 * Layers that compute, with those of models used as layers, and those within other layers, each after its outer layer.
 */
function allLayers(tf: TensorFlow, model: LayersModel): Layer[] {
  return model.layers.flatMap((layer) =>
    layer instanceof tf.LayersModel ? allLayers(tf, layer) : [layer, ...layersWithin(tf, layer)],
  )
}

/**
 * Fields in which a layer keeps inner layers: the cell or cells of a recurrent layer, the wrapped layers of a wrapper.
 */
const innerFields = ['cell', 'cells', 'layer', 'forwardLayer', 'backwardLayer']

function layersWithin(tf: TensorFlow, layer: Layer): Layer[] {
  const inner = innerFields.flatMap((field): unknown => Reflect.get(layer, field)).filter(isLayerOf(tf))
  return inner.flatMap((one) => [one, ...layersWithin(tf, one)])
}

function isLayerOf(tf: TensorFlow): (value: unknown) => value is Layer {
  return (value): value is Layer => value instanceof tf.layers.Layer
}

/** Whether the layer is a dropout layer, whose seed can be set. Refuses other layers that draw random numbers. */
function drawsMasks(layer: Layer): boolean {
  const name = layer.getClassName()
  const { dropout = 0, recurrentDropout = 0 } = layer.getConfig()
  const draws = /^(GaussianNoise|GaussianDropout|AlphaDropout)$/.test(name) || dropout !== 0 || recurrentDropout !== 0
  if (draws) throw layersError('LEARN_RANDOM_LAYER', { layer: layer.name, class: name })
  return name === 'Dropout'
}

/** Makes a frozen batch normalization use its moving means in training too, as Keras does and TensorFlow.js doesn't. */
function useMovingMeans(layer: Layer): void {
  const call = layer.call.bind(layer)
  layer.call = (inputs, settings) => call(inputs, { ...settings, training: false })
}

/** The shape of several tensors side by side: a vector. One tensor keeps its shape. */
function sideBySide(shapes: readonly (readonly number[])[]): readonly number[] {
  const [shape, ...others] = shapes
  return shape && others.length === 0 ? shape : [shapes.reduce((sum, each) => sum + sizeOf(each), 0)]
}

function knownShape(shape: readonly (number | null)[]): number[] {
  return shape.slice(1).map((length) => {
    if (length === null) throw layersError('LEARN_MODEL', { came: `it has the shape [${shape}]` })
    return length
  })
}

/** The initializer of a tensor such as `dense_1/kernel`, as the layer's configuration names it: `kernelInitializer`. */
function initializerOf(layer: Layer, tensor: string): InitializerSpec | undefined {
  const role = (tensor.split('/').at(-1) ?? '').replace(/_kernel$/, '')
  const camelCase = role.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
  const spec: unknown = layer.getConfig()[`${camelCase}Initializer`]
  if (!isRecord(spec) || typeof spec.className !== 'string') return undefined
  const initializer = { className: spec.className, config: isRecord(spec.config) ? spec.config : {} }
  return role === 'bias' && layer.getConfig().unitForgetBias === true ? forgetBias(initializer) : initializer
}

/**
 * New names for unnamed layers. TensorFlow.js numbers these through all models of the process (`dense_Dense7`). Here
 * they are numbered within the model (`dense_1`), so that each worker has the same names.
 */
function stableNames(model: string, layers: readonly Layer[]): Map<string, string> {
  const names = new Map<string, string>()
  if (/^(model|sequential_)\d+$/.test(model)) names.set(model, 'model')
  const taken = new Set(layers.map(({ name }) => name))
  const numbers = new Map<string, number>()
  for (const layer of layers) {
    // TensorFlow.js derives the names of a bidirectional layer's two layers from the name of the given layer, also when
    // it loads the model.
    const [, way = '', given = ''] = /^(forward_|backward_)(.+)$/.exec(layer.name) ?? []
    const named = names.get(given)
    if (named !== undefined) {
      names.set(layer.name, `${way}${named}`)
      continue
    }
    const isInput = layer.getClassName() === 'InputLayer' && /^input\d+$/.test(layer.name)
    const prefix = isInput ? 'input_layer' : new RegExp(`^(.+)_${layer.getClassName()}\\d+$`).exec(layer.name)?.[1]
    if (prefix === undefined) continue
    let number = numbers.get(prefix) ?? 0
    do number++
    while (taken.has(`${prefix}_${number}`))
    numbers.set(prefix, number)
    names.set(layer.name, `${prefix}_${number}`)
  }
  return names
}

function rename(tensor: string, names: ReadonlyMap<string, string>): string {
  const parts = tensor.split('/')
  // A layer's own name may contain slashes, too.
  for (let end = parts.length; end > 0; end--) {
    const name = names.get(parts.slice(0, end).join('/'))
    if (name !== undefined) return [name, ...renamedRest(parts.slice(end), names)].join('/')
  }
  return [parts[0], ...renamedRest(parts.slice(1), names)].join('/')
}

function renamedRest(parts: readonly string[], names: ReadonlyMap<string, string>): string[] {
  return parts.length === 0 ? [] : [rename(parts.join('/'), names)]
}

function renameAll(json: unknown, names: ReadonlyMap<string, string>): unknown {
  if (typeof json === 'string') return names.get(json) ?? json
  if (Array.isArray(json)) return json.map((item: unknown) => renameAll(item, names))
  if (!isRecord(json)) return json
  return Object.fromEntries(Object.entries(json).map(([key, value]) => [key, renameAll(value, names)]))
}
