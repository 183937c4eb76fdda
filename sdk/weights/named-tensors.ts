import { weightsError } from './errors.ts'
import { type Layout, sizeOf, type TensorSpec, tensorViews } from './layout.ts'

/** One tensor of a weights file, row-major. */
export interface NamedTensor extends TensorSpec {
  readonly values: Float32Array
}

/** The tensors in weights, as views. @throws WEIGHTS_SIZE */
export function namedTensors(layout: Layout, weights: Float32Array): NamedTensor[] {
  if (weights.length !== layout.size) {
    throw weightsError('WEIGHTS_SIZE', { expected: layout.size, came: weights.length })
  }
  const views = tensorViews(layout, weights)
  return layout.tensors.map(({ name, shape }) => ({ name, shape, values: views.get(name) ?? new Float32Array() }))
}

/**
 * Weights of this layout made of a file's tensors, which may come in another order.
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
