import { weightsError } from '../errors.ts'
import { type Layout, type NamedTensor, sizeOf } from '../layout.ts'
import { floatsIn } from './float-type.ts'

/** Contiguous tensors, split into shards at any byte. */
export interface TfjsGroup {
  readonly paths: readonly string[]
  readonly weights: readonly { readonly name: string; readonly shape: readonly number[] }[]
}

/**
 * Reads the tensors of one group from its shards, which are in the order of its paths.
 *
 * @throws WEIGHTS_SHARD when the shards in all are longer or shorter than the group's tensors.
 */
export function decodeTfjsGroup(
  { paths, weights }: TfjsGroup,
  shards: readonly Uint8Array[],
  file: string,
): NamedTensor[] {
  const expected = weights.reduce((sum, { shape }) => sum + 4 * sizeOf(shape), 0)
  const came = shards.reduce((sum, { length }) => sum + length, 0)
  if (came !== expected) throw weightsError('WEIGHTS_SHARD', { file, shards: paths.join(', '), expected, came })
  const bytes = new Uint8Array(expected)
  let end = 0
  for (const shard of shards) {
    bytes.set(shard, end)
    end += shard.length
  }
  let start = 0
  return weights.map(({ name, shape }) => {
    const from = start
    start += 4 * sizeOf(shape)
    return { name, shape, values: floatsIn(bytes.subarray(from, start)) }
  })
}

/**
 * A TensorFlow.js model.json for a weights.bin with all tensors, in "layers-model" format if the architecture is known.
 */
export function tfjsModel(layout: Layout, modelTopology: unknown): object {
  return {
    format: modelTopology === undefined ? 'weights' : 'layers-model',
    generatedBy: 'flame-fl',
    convertedBy: null,
    ...(modelTopology === undefined ? {} : { modelTopology }),
    weightsManifest: [
      { paths: ['weights.bin'], weights: layout.tensors.map(({ name, shape }) => ({ name, shape, dtype: 'float32' })) },
    ],
  }
}
