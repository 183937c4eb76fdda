import { nearest } from '../../runtime/index.ts'
import { normal, truncatedNormal } from '../random/distributions.ts'
import type { RandomStream } from '../random/random-stream.ts'
import { sizeOf, type TensorSpec } from '../weights/layout.ts'
import { modelError } from './model-errors.ts'

/** A layer's initializer as TensorFlow.js writes it in a layer's configuration. */
export interface InitializerSpec {
  readonly className: string
  readonly config: Readonly<Record<string, unknown>>
}

/** Initializers by name. */
const named: Readonly<Record<string, InitializerSpec>> = {
  constant: { className: 'Constant', config: {} },
  zeros: { className: 'Zeros', config: {} },
  ones: { className: 'Ones', config: {} },
  randomNormal: { className: 'RandomNormal', config: {} },
  randomUniform: { className: 'RandomUniform', config: {} },
  truncatedNormal: { className: 'TruncatedNormal', config: {} },
  identity: { className: 'Identity', config: {} },
  orthogonal: { className: 'Orthogonal', config: {} },
  ...scaled('glorot', 1, 'fanAvg'),
  ...scaled('he', 2, 'fanIn'),
  ...scaled('leCun', 1, 'fanIn'),
}

function scaled(name: string, scale: number, mode: string): Record<string, InitializerSpec> {
  return Object.fromEntries(
    ['Normal', 'Uniform'].map((kind) => [
      `${name}${kind}`,
      { className: 'VarianceScaling', config: { scale, mode, distribution: kind.toLowerCase() } },
    ]),
  )
}

/** The names of the initializers. */
export const initializerNames: readonly string[] = Object.keys(named)

/** Whether a string in a layer's configuration names an initializer, by its name or its class. */
export function isInitializerName(name: string): boolean {
  return Object.entries(named).some(([known, { className }]) => name === known || name === className)
}

/** Reads an initializer from a layer's configuration in Keras JSON: a name, or a class with its settings. */
export function initializerSpec(value: unknown): InitializerSpec {
  if (typeof value === 'string') return named[value] ?? { className: value, config: {} }
  if (typeof value !== 'object' || value === null || !('class_name' in value))
    return { className: 'unknown', config: {} }
  const config = 'config' in value && typeof value.config === 'object' && value.config !== null ? value.config : {}
  const className = String(value.class_name)
  const known = named[className.charAt(0).toLowerCase() + className.slice(1)]
  return { className: known?.className ?? className, config: { ...known?.config, ...config } }
}

/**
 * Initializer of an LSTM's bias: 1 in the forget gate, so that it begins open, and the initializer's values in the
 * other gates.
 */
export function forgetBias(initializer: InitializerSpec): InitializerSpec {
  return { className: 'ForgetBias', config: { initializer } }
}

/**
 * Initial values of one tensor, drawn from the stream. `VarianceScaling` stands for all Glorot, He and LeCun
 * initializers; its normal form is truncated at 2 standard deviations, as in TensorFlow.js.
 *
 * @throws LEARN_INITIALIZER for an initializer whose values can't be drawn from a stream.
 */
export function initialValues(tensor: TensorSpec, initializer: InitializerSpec, random: RandomStream): Float32Array {
  const { name, shape } = tensor
  const { className, config } = initializer
  const matrix = matrixValues(shape, initializer, random)
  if (matrix) return matrix
  if (className === 'ForgetBias' && isSpec(config.initializer)) {
    const gate = sizeOf(shape) / 4
    return initialValues(tensor, config.initializer, random).fill(1, gate, 2 * gate)
  }
  const draw = valueSource(shape, className, config, random)
  if (!draw) {
    const meant = nearest(className, Object.keys(named))
    const hint = meant === undefined ? '' : `did you mean ${meant}? `
    throw modelError('LEARN_INITIALIZER', { tensor: name, initializer: className, meant: hint })
  }
  return Float32Array.from({ length: sizeOf(shape) }, draw)
}

function isSpec(value: unknown): value is InitializerSpec {
  return typeof value === 'object' && value !== null && 'className' in value && 'config' in value
}

/** Values of initializers whose values depend on each other. Undefined for other initializers. */
function matrixValues(
  shape: readonly number[],
  { className, config }: InitializerSpec,
  random: RandomStream,
): Float32Array | undefined {
  const gain = typeof config.gain === 'number' ? config.gain : 1
  if (className === 'Orthogonal' && shape.length >= 2) return orthogonal(shape, gain, random)
  const [rows = 0, columns] = shape
  if (className !== 'Identity' || shape.length !== 2 || rows !== columns) return undefined
  return Float32Array.from({ length: rows * rows }, (_, index) => (index % (rows + 1) === 0 ? gain : 0))
}

function valueSource(
  shape: readonly number[],
  className: string,
  config: Readonly<Record<string, unknown>>,
  random: RandomStream,
): (() => number) | undefined {
  const number = (name: string, otherwise: number) => {
    const value = config[name]
    return typeof value === 'number' ? value : otherwise
  }
  switch (className) {
    case 'Zeros':
      return () => 0
    case 'Ones':
      return () => 1
    case 'Constant': {
      const value = number('value', 0)
      return () => value
    }
    case 'RandomUniform': {
      const low = number('minval', -0.05)
      const high = number('maxval', 0.05)
      return () => low + (high - low) * random.uniform()
    }
    case 'RandomNormal':
    case 'TruncatedNormal': {
      const mean = number('mean', 0)
      const deviation = number('stddev', 0.05)
      const standard = className === 'RandomNormal' ? normal : truncatedNormal
      return () => mean + deviation * standard(random)
    }
    case 'VarianceScaling': {
      const variance = number('scale', 1) / Math.max(1, fan(shape, config.mode))
      const limit = Math.sqrt(3 * variance)
      const deviation = Math.sqrt(variance)
      if (config.distribution === 'uniform') return () => limit * (2 * random.uniform() - 1)
      return () => deviation * truncatedNormal(random)
    }
  }
  return undefined
}

/** Connections into and out of a unit: a kernel's last two dimensions, times the receptive field of a convolution. */
function fan(shape: readonly number[], mode: unknown): number {
  const field = sizeOf(shape.slice(0, -2))
  const fanOut = (shape.at(-1) ?? 1) * field
  const fanIn = shape.length < 2 ? fanOut : (shape.at(-2) ?? 1) * field
  if (mode === 'fanIn' || mode === 'fan_in') return fanIn
  if (mode === 'fanOut' || mode === 'fan_out') return fanOut
  return (fanIn + fanOut) / 2
}

/**
 * A random matrix, row-major, whose rows are orthogonal and of length `gain`; or whose columns are, if there are fewer
 * columns. All dimensions except the last are rows. The distribution over such matrices is uniform: normal draws are
 * made orthogonal by Gram and Schmidt, each twice, so that only rounding of the first pass's error remains. Float64
 * sums in a fixed order give the same bits on every machine.
 *
 * @see Saxe et al., Exact solutions to the nonlinear dynamics of learning in deep linear neural networks, ICLR 2014.
 */
export function orthogonal(shape: readonly number[], gain: number, random: RandomStream): Float32Array {
  const columns = shape.at(-1) ?? 1
  const rows = sizeOf(shape) / columns
  const [count, length] = rows < columns ? [rows, columns] : [columns, rows]
  const vectors: Float64Array[] = []
  while (vectors.length < count) {
    const vector = Float64Array.from({ length }, () => normal(random))
    const drawn = Math.sqrt(dot(vector, vector))
    for (const other of [...vectors, ...vectors]) {
      const along = dot(vector, other)
      for (let i = 0; i < length; i++) vector[i] = (vector[i] ?? 0) - along * (other[i] ?? 0)
    }
    const left = Math.sqrt(dot(vector, vector))
    // If the vector depends linearly on the others, only rounding is left, and another vector is drawn.
    if (left > 1e-9 * drawn) vectors.push(vector.map((value) => value / left))
  }
  const values = new Float32Array(rows * columns)
  const [perVector, perValue] = rows < columns ? [columns, 1] : [1, columns]
  for (const [index, vector] of vectors.entries()) {
    for (let i = 0; i < length; i++) values[index * perVector + i * perValue] = gain * (vector[i] ?? 0)
  }
  return values
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0)
  return sum
}
