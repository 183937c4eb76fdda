import type { LayersModel } from '@tensorflow/tfjs'
import type { ModelName } from './cases.ts'

type TensorFlow = typeof import('@tensorflow/tfjs')

/** The models of bench/peers/train_torch.py, without the last activation: 199,210 and 1,663,370 parameters. */
export const models: Record<ModelName, (tf: TensorFlow) => LayersModel> = {
  '2nn': ({ layers, sequential }) =>
    sequential({
      layers: [
        layers.flatten({ inputShape: [28, 28, 1] }),
        layers.dense({ units: 200, activation: 'relu' }),
        layers.dense({ units: 200, activation: 'relu' }),
        layers.dense({ units: 10 }),
      ],
    }),
  cnn: ({ layers, sequential }) =>
    sequential({
      layers: [
        layers.conv2d({ inputShape: [28, 28, 1], filters: 32, kernelSize: 5, padding: 'same', activation: 'relu' }),
        layers.maxPooling2d({ poolSize: 2 }),
        layers.conv2d({ filters: 64, kernelSize: 5, padding: 'same', activation: 'relu' }),
        layers.maxPooling2d({ poolSize: 2 }),
        layers.flatten(),
        layers.dense({ units: 512, activation: 'relu' }),
        layers.dense({ units: 10 }),
      ],
    }),
}
