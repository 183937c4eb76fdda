import { z } from 'zod'
import { weightsError } from '../errors.ts'
import type { TfjsGroup } from './tfjs.ts'

const weightSchema = z.object({
  name: z.string(),
  shape: z.array(z.int().nonnegative()),
  dtype: z.string(),
  quantization: z.object({ dtype: z.string() }).optional(),
})
const modelSchema = z.object({
  weightsManifest: z.array(z.object({ paths: z.array(z.string()), weights: z.array(weightSchema) })),
})

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

/** Whether a path stays in the model's folder. A model of any origin must not make its reader read other files. */
function isWithin(path: string): boolean {
  return path !== '' && !/^[/\\]|^\w+:|\0/.test(path) && !path.split(/[/\\]/).includes('..')
}
