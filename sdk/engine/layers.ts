import { activationLayers } from './layers/activation.ts'
import type { LayerBuilder } from './layers/layer-builder.ts'
import { normalizationLayers } from './layers/normalization.ts'
import { poolingLayers } from './layers/pooling.ts'
import { shapingLayers } from './layers/shaping.ts'
import { weightedLayers } from './layers/weighted.ts'

/** The layers that the engine knows, by their class in TensorFlow.js. */
export const layerBuilders: Readonly<Record<string, LayerBuilder>> = {
  ...activationLayers,
  ...normalizationLayers,
  ...poolingLayers,
  ...shapingLayers,
  ...weightedLayers,
}
