import type { Layout } from '../layout.ts'

/** TensorFlow.js's model.json beside a weights.bin of all tensors: its "layers-model" format where the architecture is known. */
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
