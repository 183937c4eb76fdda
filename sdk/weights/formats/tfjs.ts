import { z } from 'zod'
import { weightsError } from '../errors.ts'
import { type Layout, type NamedTensor, sizeOf } from '../layout.ts'
import { floatsIn } from './float-type.ts'

const weightSchema = z.object({
  name: z.string(),
  shape: z.array(z.int().nonnegative()),
  dtype: z.string(),
  quantization: z.object({ dtype: z.string() }).optional(),
})
const modelSchema = z.object({
  weightsManifest: z.array(z.object({ paths: z.array(z.string()), weights: z.array(weightSchema) })),
})

/** Contiguous tensors, split into shards at any byte. */
export interface TfjsGroup {
  readonly paths: readonly string[]
  readonly weights: readonly { readonly name: string; readonly shape: readonly number[] }[]
}

/**
 * Reads the weights manifest of a TensorFlow.js model.json. The shards' paths are relative to the file.
 *
 * @param file Name for messages.
 * @throws WEIGHTS_MANIFEST; WEIGHTS_QUANTIZED; WEIGHTS_TYPE for values other than float32.
 */
export function decodeTfjsManifest(json: string, file: string): readonly TfjsGroup[] {
  let parsed: unknown
  try {
    parsed = JSON.parse(json)
  } catch (cause) {
    throw weightsError('WEIGHTS_MANIFEST', { file, fault: 'it is no JSON' }, { cause })
  }
  const model = modelSchema.safeParse(parsed)
  if (!model.success) {
    const fault = model.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join(', ')
    throw weightsError('WEIGHTS_MANIFEST', { file, fault }, { cause: model.error })
  }
  if (model.data.weightsManifest.some(({ paths }) => paths.length === 0))
    throw weightsError('WEIGHTS_MANIFEST', { file, fault: 'a group of weights has no path' })
  const outside = model.data.weightsManifest.flatMap(({ paths }) => paths).find((path) => !isWithin(path))
  if (outside !== undefined) {
    throw weightsError('WEIGHTS_MANIFEST', { file, fault: `the path '${outside}' leads out of its folder` })
  }
  for (const { name, dtype, quantization } of model.data.weightsManifest.flatMap(({ weights }) => weights)) {
    const place = { file, tensor: name }
    if (quantization) throw weightsError('WEIGHTS_QUANTIZED', { ...place, came: quantization.dtype })
    if (dtype !== 'float32') throw weightsError('WEIGHTS_TYPE', { ...place, came: dtype, expected: 'float32' })
  }
  return model.data.weightsManifest
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

/** Whether a path stays in the model's folder. A model of any origin must not make its reader read other files. */
function isWithin(path: string): boolean {
  return path !== '' && !/^[/\\]|^\w+:|\0/.test(path) && !path.split(/[/\\]/).includes('..')
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
