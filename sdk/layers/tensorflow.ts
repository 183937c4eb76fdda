import type { Tensor } from '@tensorflow/tfjs'
import type { EngineTensorFlow, LayerLike } from '../engine/index.ts'
import { layersError } from './errors.ts'

/** @ts-ignore: a project without TensorFlow.js has no such module, and the type is `any` there. */
type InstalledTensorFlow = typeof import('@tensorflow/tfjs')

/** TensorFlow.js's own type where `@tensorflow/tfjs` is installed, else the part that the engine knows. */
export type TensorFlow = IsInstalled extends true ? InstalledTensorFlow : EngineTensorFlow
type IsInstalled = string extends keyof InstalledTensorFlow ? false : true

export type LayersModel = ReturnType<TensorFlow['model']>
export type Layer = IsInstalled extends true ? InstanceType<InstalledTensorFlow['layers']['Layer']> : LayerLike
/** The output of a layer, which other layers take as input. */
export type SymbolicTensor = ReturnType<TensorFlow['input']>

let loading: Promise<TensorFlow> | undefined
let loaded: TensorFlow | undefined

/**
 * Loads TensorFlow.js on first use, since a workload without it should not pay the cost. Uses the WebAssembly backend,
 * or plain JavaScript where WebAssembly doesn't load.
 *
 * @param reason The reason for which TensorFlow.js is needed, for the error.
 * @throws LEARN_TENSORFLOW where TensorFlow.js isn't installed.
 */
export async function loadTensorFlow(reason = 'the workload asks for it'): Promise<TensorFlow> {
  loading ??= load()
  return loading.catch((cause: unknown) => {
    loading = undefined
    throw layersError('LEARN_TENSORFLOW', { reason }, { cause })
  })
}

let building: TensorFlow | undefined

/** Runs a function that builds a model with this TensorFlow.js, which `presentTensorFlow` returns meanwhile. */
export function whileBuilding<Model>(tf: TensorFlow, build: () => Model): Model {
  const before = building
  building = tf
  try {
    return build()
  } finally {
    building = before
  }
}

/** The TensorFlow.js of the model in the making, else the loaded one. Undefined without either. */
export function presentTensorFlow(): TensorFlow | undefined {
  return building ?? loaded
}

async function load(): Promise<TensorFlow> {
  const tf = await import('@tensorflow/tfjs')
  // Without this call the plain JavaScript backend prints a banner.
  tf.enableProdMode()
  if (await hasWasmBackend(tf)) useFastMatMulGradient(tf)
  else await tf.setBackend('cpu')
  loaded = tf
  return tf
}

async function hasWasmBackend(tf: TensorFlow): Promise<boolean> {
  try {
    await import('@tensorflow/tfjs-backend-wasm')
    return await tf.setBackend('wasm')
  } catch {
    return false
  }
}

/**
 * Makes the gradient of a matrix product transpose its operands before it multiplies. The WebAssembly backend multiplies
 * plain operands with a fast kernel and transposed ones with a slow one: training the 2NN at B = 10 gains more than half
 * of its time.
 */
export function useFastMatMulGradient(tf: TensorFlow): void {
  const standard = tf.getGradient('BatchMatMul')
  tf.registerGradient({
    ...standard,
    gradFunc(upstream, saved, attributes) {
      const [a, b] = saved
      const { transposeA, transposeB } = attributes
      if (!a || !b || transposeA || transposeB || Array.isArray(upstream)) {
        return standard.gradFunc(upstream, saved, attributes)
      }
      return {
        a: () => tf.matMul(upstream, transposed(tf, b)),
        b: () => tf.matMul(transposed(tf, a), upstream),
      }
    },
  })
}

/** Transposes the tensor's matrices, which are its last two dimensions. */
function transposed(tf: TensorFlow, tensor: Tensor): Tensor {
  const last = tensor.rank - 1
  const order = tensor.shape.map((_, dimension) => {
    if (dimension === last) return last - 1
    return dimension === last - 1 ? last : dimension
  })
  return tf.transpose(tensor, order)
}
