import { zipSync } from 'fflate'
import { modelFiles } from '../registry/model-files.ts'
import type { ModelToCommit } from '../registry/registry.ts'
import { encodeSafetensors } from '../weights/formats/safetensors.ts'
import { namedTensors } from '../weights/layout.ts'
import { encodeNpzWeights } from './npz-weights.ts'

export interface EncodedModel {
  readonly bytes: Uint8Array
  /** End of the file's name, without a dot. */
  readonly extension: 'zip' | 'safetensors' | 'npz'
  /** The media type. */
  readonly type: string
}

/** Zip's first year is 1980. A fixed time, so that the same model gives the same bytes. */
const mtime = '1980-01-01T12:00:00'

/**
 * A model as one file. `tfjs`: a zip with `model.json` and `weights.bin`, which TensorFlow.js loads, and `round.json`;
 * `safetensors` and `npz`: the tensors by the names of the layout, row-major float32, for PyTorch and numpy.
 */
export function encodeModel(model: ModelToCommit, format: 'tfjs' | 'safetensors' | 'npz'): EncodedModel {
  switch (format) {
    case 'tfjs': {
      const files = modelFiles(model).map(({ name, bytes }) => [name, bytes] as const)
      return {
        bytes: zipSync(Object.fromEntries(files), { level: 0, mtime }),
        extension: 'zip',
        type: 'application/zip',
      }
    }
    case 'safetensors': {
      const bytes = encodeSafetensors(namedTensors(model.layout, model.weights))
      return { bytes, extension: 'safetensors', type: 'application/octet-stream' }
    }
    case 'npz': {
      const bytes = encodeNpzWeights(namedTensors(model.layout, model.weights))
      return { bytes, extension: 'npz', type: 'application/octet-stream' }
    }
  }
}
