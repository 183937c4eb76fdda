import { decodeNpz, encodeNpz } from '../data/formats/npz.ts'
import { weightsError } from '../weights/errors.ts'
import type { NamedTensor } from '../weights/layout.ts'

/**
 * Reads the tensors of an npz file. float16 becomes float32 exactly, float64 is rounded to it.
 *
 * @param file Name for messages.
 * @throws DATA_DAMAGED, DATA_TYPE with the place and what was expected there; WEIGHTS_TYPE for values other than floats.
 */
export function decodeNpzWeights(bytes: Uint8Array, file: string): NamedTensor[] {
  return [...decodeNpz(bytes, file)].map(([name, { shape, values, kind }]) => {
    if (!kind.startsWith('f')) {
      throw weightsError('WEIGHTS_TYPE', { file, tensor: name, came: kind, expected: 'float32, float16 or float64' })
    }
    return { name, shape, values: values instanceof Float32Array ? values : Float32Array.from(values) }
  })
}

/** Writes an npz file of float32 arrays, for `numpy.load`. @throws WEIGHTS_NAME for a name that comes twice. */
export function encodeNpzWeights(tensors: readonly NamedTensor[]): Uint8Array {
  const arrays = new Map<string, NamedTensor>()
  for (const tensor of tensors) {
    const { name } = tensor
    if (arrays.has(name)) throw weightsError('WEIGHTS_NAME', { tensor: name, reason: 'another tensor has this name' })
    arrays.set(name, tensor)
  }
  return encodeNpz(arrays)
}
