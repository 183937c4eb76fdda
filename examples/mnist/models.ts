import type { ModelFunction } from 'flame-fl/sdk'

/** Two hidden layers of 200 units: 199,210 weights. */
const twoHidden: ModelFunction = ({ layers, sequential }) =>
  sequential({
    layers: [
      layers.flatten({ inputShape: [28, 28, 1] }),
      layers.dense({ units: 200, activation: 'relu' }),
      layers.dense({ units: 200, activation: 'relu' }),
      layers.dense({ units: 10 }),
    ],
  })

/** Two convolutions of 5 × 5 with pooling, and a hidden layer of 512 units: 1,663,370 weights. */
const convolutional: ModelFunction = ({ layers, sequential }) =>
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
  })

/** Models for MNIST of McMahan et al. 2017, by the paper's names. */
export const models = { '2nn': twoHidden, cnn: convolutional }
