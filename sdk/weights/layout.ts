import { weightsError } from './errors.ts'

export interface TensorSpec {
  readonly name: string
  readonly shape: readonly number[]
}

/** The layout of a model's tensors in one flat Float32Array: contiguous, row-major, in this order. */
export interface Layout {
  readonly tensors: readonly TensorSpec[]
  /** Number of values in all tensors together. */
  readonly size: number
}

export function layoutOf(tensors: readonly TensorSpec[]): Layout {
  return { tensors, size: tensors.reduce((size, { shape }) => size + sizeOf(shape), 0) }
}

/** Number of values in a tensor of this shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1)
}

/** The tensor with the value at this index of the flat array, and the value's offset in the tensor. */
export function locate(
  layout: Layout,
  index: number,
): { readonly tensor: string; readonly offset: number } | undefined {
  let start = 0
  for (const { name, shape } of layout.tensors) {
    const end = start + sizeOf(shape)
    if (index >= start && index < end) return { tensor: name, offset: index - start }
    start = end
  }
  return undefined
}

/** By name: a view, not a copy, of each tensor's values. */
export function tensorViews(layout: Layout, weights: Float32Array): Map<string, Float32Array> {
  const views = new Map<string, Float32Array>()
  let start = 0
  for (const { name, shape } of layout.tensors) {
    const end = start + sizeOf(shape)
    views.set(name, weights.subarray(start, end))
    start = end
  }
  return views
}

/** SHA-256 of the weights' little-endian bytes, in hexadecimal. */
export async function weightsHash(weights: Float32Array): Promise<string> {
  const { buffer, byteOffset, byteLength } = weights
  // Shared memory, which a digest refuses, is copied.
  const bytes =
    buffer instanceof ArrayBuffer
      ? new Uint8Array(buffer, byteOffset, byteLength)
      : new Uint8Array(buffer, byteOffset, byteLength).slice()
  const digest = await globalThis.crypto.subtle.digest('SHA-256', bytes)
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** One tensor of a weights file, row-major. */
export interface NamedTensor extends TensorSpec {
  readonly values: Float32Array
}

/** The tensors of weights, as views. @throws WEIGHTS_SIZE */
export function namedTensors(layout: Layout, weights: Float32Array): NamedTensor[] {
  if (weights.length !== layout.size) {
    throw weightsError('WEIGHTS_SIZE', { expected: layout.size, came: weights.length })
  }
  const views = tensorViews(layout, weights)
  return layout.tensors.map(({ name, shape }) => ({ name, shape, values: views.get(name) ?? new Float32Array() }))
}

/**
 * Makes weights of this layout from a file's tensors, which may be in another order.
 *
 * @param file Name for messages.
 * @throws WEIGHTS_MISMATCH with every tensor that is missing, unknown, of another shape, or not finite.
 */
export function weightsOf(tensors: readonly NamedTensor[], layout: Layout, file: string): Float32Array {
  const given = new Map(tensors.map((tensor) => [tensor.name, tensor]))
  const weights = new Float32Array(layout.size)
  const faults: string[] = []
  for (const { name, shape, values } of namedTensors(layout, weights)) {
    const tensor = given.get(name)
    given.delete(name)
    const fault = tensor ? faultOf(tensor, shape) : `it has no tensor '${name}' of shape [${shape}]`
    if (fault) faults.push(fault)
    else if (tensor) values.set(tensor.values)
  }
  for (const { name, shape } of given.values()) faults.push(`the model has no tensor '${name}' of shape [${shape}]`)
  if (faults.length > 0) throw weightsError('WEIGHTS_MISMATCH', { file, faults: faults.join('; ') })
  return weights
}

function faultOf({ name, shape, values }: NamedTensor, expected: readonly number[]): string | undefined {
  if (shape.length !== expected.length || shape.some((length, index) => length !== expected[index])) {
    return `'${name}' must have shape [${expected}], but has [${shape}]`
  }
  if (values.length !== sizeOf(expected))
    return `'${name}' must have ${sizeOf(expected)} values, but has ${values.length}`
  const index = values.findIndex((value) => !Number.isFinite(value))
  return index < 0 ? undefined : `'${name}' must be finite, but value ${index} is ${values[index]}`
}
