export { engineLearner, engineModel } from './engine-learner.ts'
export { requireLayerName, requireLoadableNames, twinAmong } from './model/layer-graph.ts'
export type { EngineTensorFlow, LayerLike, LayerSettings } from './model/layer-types.ts'
export { type Recording, recordLayer, recordModel } from './model/model-recorder.ts'
