import type { LayersModel } from '@tensorflow/tfjs'
import { CodedError, nearest } from '../../runtime/index.ts'
import { requireLayerName, twinAmong } from '../engine/index.ts'
import { modelError } from '../learn/model-errors.ts'
import { layersError } from './errors.ts'
import { registerOwnLayers } from './own-layers.ts'
import { type TensorFlow, whileBuilding } from './tensorflow.ts'

/** The activations of TensorFlow.js, which doesn't list them. */
const activations =
  'elu gelu gelu_new hardSigmoid linear logSoftmax mish relu relu6 selu sigmoid softmax softplus softsign swish tanh'.split(
    ' ',
  )

/**
 * Calls a function that builds a layers model. Checks the names of layers, activations, initializers, constraints and
 * regularizers before TensorFlow.js does, since its messages neither list known names nor say where the name is.
 *
 * @throws LEARN_UNKNOWN_NAME, LEARN_LAYER_NAME, and the function's own errors.
 */
export function buildModel(tf: TensorFlow, build: (tf: TensorFlow) => LayersModel): LayersModel {
  registerOwnLayers(tf)
  const named: string[] = []
  const layers = new Proxy(
    {},
    {
      has: (_, property) => Reflect.has(tf.layers, property),
      get: (_, property) => layerFactory(tf, property, named),
    },
  )
  const checked: TensorFlow = Object.create(tf, { layers: { value: layers } })
  try {
    return whileBuilding(tf, () => build(checked))
  } catch (cause) {
    const twin = twinAmong(named)
    if (cause instanceof CodedError || twin === undefined) throw cause
    throw modelError('LEARN_LAYER_NAME', { name: twin, fault: 'belongs to two layers' }, { cause })
  }
}

function layerFactory(tf: TensorFlow, property: string | symbol, named: string[]): unknown {
  const found: unknown = Reflect.get(tf.layers, property)
  if (typeof property === 'symbol') return found
  if (found === undefined) {
    throw unknownName('tf.layers', property, Object.keys(tf.layers).filter(isFactory))
  }
  if (typeof found !== 'function' || !isFactory(property)) return found
  return (...given: unknown[]): unknown => {
    const [config] = given
    if (typeof config === 'object' && config !== null) checkNames(tf, property, Object.entries(config), named)
    return Reflect.apply(found, tf.layers, given)
  }
}

function unknownName(place: string, name: string, known: readonly string[]): Error {
  const near = nearest(name, known)
  const meant = near === undefined ? '' : ` (did you mean ${near}?)`
  return layersError('LEARN_UNKNOWN_NAME', { place, name, meant, known: known.join(', ') })
}

/** Whether a name is that of a factory: classes begin with a capital. */
function isFactory(name: string): boolean {
  return /^[a-z]/.test(name)
}

function checkNames(
  tf: TensorFlow,
  layer: string,
  settings: readonly (readonly [string, unknown])[],
  named: string[],
): void {
  const name = settings.find(([setting]) => setting === 'name')?.[1]
  if (typeof name === 'string') {
    requireLayerName(name)
    named.push(name)
  }
  for (const [setting, value] of settings) {
    const known = knownFor(tf, setting)
    if (typeof value !== 'string' || known === undefined || known.includes(value) || isRegistered(tf, value)) continue
    throw unknownName(`${setting} of layers.${layer}`, value, known)
  }
}

function knownFor({ initializers, constraints }: TensorFlow, setting: string): readonly string[] | undefined {
  if (/activation$/i.test(setting)) return activations
  if (setting.endsWith('Initializer')) return Object.keys(initializers)
  if (setting.endsWith('Constraint')) return Object.keys(constraints)
  return setting.endsWith('Regularizer') ? ['l1l2'] : undefined
}

/** Whether the name is that of a registered class, TensorFlow.js's own or the author's, in a model's JSON. */
function isRegistered({ serialization }: TensorFlow, name: string): boolean {
  return Object.hasOwn(serialization.SerializationMap.getMap().classNameMap, name)
}
