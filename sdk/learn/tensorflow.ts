import { useFastMatMulGradient } from './matmul-gradient.ts'

export type TensorFlow = typeof import('@tensorflow/tfjs')

let loading: Promise<TensorFlow> | undefined
let loaded: TensorFlow | undefined

/**
 * Loads TensorFlow.js on first use, since a workload without it should not pay for it. Runs on the WebAssembly backend,
 * or on plain JavaScript where WebAssembly cannot load.
 */
export function loadTensorFlow(): Promise<TensorFlow> {
  loading ??= load()
  return loading
}

let building: TensorFlow | undefined

/** Runs what builds a model with this TensorFlow.js, which is the present one meanwhile. */
export function whileBuilding<Model>(tf: TensorFlow, build: () => Model): Model {
  const before = building
  building = tf
  try {
    return build()
  } finally {
    building = before
  }
}

/** The one with which a model is being built, or else that which was loaded here; undefined where none was. */
export function presentTensorFlow(): TensorFlow | undefined {
  return building ?? loaded
}

async function load(): Promise<TensorFlow> {
  const tf = await import('@tensorflow/tfjs')
  // Without it the plain JavaScript backend prints a banner.
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
