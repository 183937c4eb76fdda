export { type CollectSettings, collectExamples, type Example } from './data/collector.ts'
export { type Datasets, datasetsOf, type GivenDatasets } from './data/datasets.ts'
export type { ByteFeatures, Examples, FederatedData, Targets } from './data/examples.ts'
export { type InMemoryData, inMemoryExamples, join, type NumericArray, subset } from './data/in-memory-examples.ts'
export { byKey, type KeyPartitionRequest } from './data/partition/by-key.ts'
export type { DrawScheme } from './data/partition/draws.ts'
export {
  type PartitionRequest,
  type PartitionScheme,
  parsePartitionScheme,
  partition,
} from './data/partition/partition.ts'
export type { Sizes } from './data/partition/sizes.ts'
export { type ClientsData, type SpreadRequest, spread } from './data/partition/spread.ts'
export { sideBySide } from './data/side-by-side.ts'
export { type SyntheticLeafRequest, syntheticLeaf } from './data/synthetic/leaf.ts'
export { type SyntheticRegressionRequest, syntheticRegression } from './data/synthetic/regression.ts'
export type { SyntheticData, SyntheticRequest } from './data/synthetic/synthetic.ts'
export { type SyntheticWritersRequest, syntheticWriters } from './data/synthetic/writers.ts'
export * from './host/index.ts'
export {
  type MultiHeadAttentionSettings,
  multiHeadAttention,
  type PositionEmbeddingSettings,
  positionEmbedding,
  type SinePositionEncodingSettings,
  sinePositionEncoding,
} from './layers/attention.ts'
export {
  type GroupNormalizationSettings,
  groupNormalization,
  registerGroupNormalization,
} from './layers/group-normalization.ts'
export * from './layers/layers-learner.ts'
export { registerOwnLayers } from './layers/own-layers.ts'
export type { SavedModel } from './layers/saved-model.ts'
export type { Layer, LayersModel, SymbolicTensor, TensorFlow } from './layers/tensorflow.ts'
export { type TiedDenseSettings, tiedDense } from './layers/tied-dense.ts'
export * from './layers/vertical-learner.ts'
export { constant, Differentiable } from './learn/differentiable.ts'
export * from './learn/learner.ts'
export type { LossAlias, LossChoice, LossName, LossSettings, OutputLosses } from './learn/loss.ts'
export type { MetricCounts } from './learn/metric-counts.ts'
export type { EvaluatedExample, Metric, MetricName, MetricSettings, OwnMetric } from './learn/metrics.ts'
export type { LossBatch, OwnLoss } from './learn/own-loss.ts'
export type * from './learn/role-learner.ts'
export type { Schedule, ScheduleKind } from './learn/schedule.ts'
export type { Steps } from './learn/steps.ts'
export { normalQuantile } from './random/distributions.ts'
export { exp, log } from './random/elementary.ts'
export { type RandomStream, randomStream, streamFrom } from './random/random-stream.ts'
export { boundedSpool } from './registry/bounded-spool.ts'
export { type Again, damagedWeights, registryAgain, registryTroubleCodes } from './registry/errors.ts'
export { memoryRegistry } from './registry/memory-registry.ts'
export * from './registry/model-place.ts'
export {
  type Arithmetic,
  type CommittedModel,
  type Lineage,
  type LineageValue,
  type LoadedModel,
  type ModelRegistry,
  type ModelToCommit,
  type OpenedModel,
  type Spool,
} from './registry/registry.ts'
export * from './registry/registry-place.ts'
export { bestRound, type KeptRounds, keepingRounds, type RetentionOptions } from './registry/retention.ts'
export * from './registry/spooled-registry.ts'
export * from './role/channel/channel.ts'
export type { ChannelPort, Expiry } from './role/channel/channel-port.ts'
export type { Keep } from './role/channel/numbered-messages.ts'
export type { ChannelWiring } from './role/channel/wiring.ts'
export { wiringOf } from './role/channel/wiring.ts'
export * from './role/role.ts'
export { restProperty } from './role/stock/middle-buffer.ts'
export { splitSettings } from './role/stock/split-plan.ts'
export { stockRoles } from './role/stock/stock-roles.ts'
export type * from './strategy/algorithm.ts'
export * from './strategy/algorithms/asynchronous/index.ts'
export * from './strategy/algorithms/client/index.ts'
export * from './strategy/algorithms/fair/index.ts'
export * from './strategy/algorithms/personal/index.ts'
export * from './strategy/algorithms/robust/index.ts'
export { fedAdaGrad, fedAdam, fedAvg, fedAvgM, fedYogi } from './strategy/algorithms/server/index.ts'
export * from './strategy/algorithms/vertical/index.ts'
export { algorithms, catalogue } from './strategy/catalogue.ts'
export {
  type Choice,
  type ChoiceFault,
  type Choices,
  choiceFaults,
  choicesOf,
  choiceText,
  chosenAlgorithm,
  requireChoices,
} from './strategy/chosen-algorithm.ts'
export {
  type AlgorithmDefinition,
  defineAlgorithm,
  type Named,
} from './strategy/define-algorithm.ts'
export { fittingTopologies, topologyMisfit, updatesMisfit } from './strategy/fitting-algorithm.ts'
export { type Kind, kinds } from './strategy/kinds.ts'
export { requireLearner } from './strategy/learner-needs.ts'
export * from './strategy/population.ts'
export * from './strategy/selectors/all-selector.ts'
export { randomSelector } from './strategy/selectors/random-selector.ts'
export {
  type GivenSettings,
  type Setting,
  type SettingsTable,
  type SettingValues,
  settingFaults,
  settingRange,
  settingValues,
} from './strategy/settings.ts'
export {
  type Accumulator,
  HeldDelta,
  type PartialSum,
  type Quanta,
  type SentVector,
  type SumName,
  type Vector,
  type WeightedDelta,
  weightIn,
} from './sum/accumulator.ts'
export {
  isPartialSums,
  type NamedSums,
  type NamedSumsOptions,
  namedSums,
  type PartialSums,
} from './sum/named-sums.ts'
export { peakOf } from './sum/vector-passes.ts'
export { type AccumulatorOptions, accumulator } from './sum/wasm-accumulator.ts'
export { type Fault, shortList, type TopologyFacts } from './tag/errors.ts'
export * from './tag/expand.ts'
export { topologySvg, topologyText } from './tag/picture.ts'
export {
  channelsByRole,
  channelsOf,
  funcTagsOf,
  type GroupAssociation,
  type Schema,
  type SchemaChannel,
  type SchemaConnector,
  type SchemaRole,
  withGroups,
} from './tag/schema.ts'
export * from './tag/topologies.ts'
export * from './tag/topology.ts'
export { assertValid, findFaults, validateTopology } from './tag/validate.ts'
export { type Hold, holdingHere } from './training/held-sums.ts'
export * from './training/inline-pool.ts'
export { emulationNotice, type JobProducts, jobProducts } from './training/job-products.ts'
export * from './training/training-pool.ts'
export { type Trial, trial } from './training/trial.ts'
export { type Layout, layoutOf, locate, sizeOf, type TensorSpec, tensorViews, weightsHash } from './weights/layout.ts'
export * from './workload/chosen.ts'
export * from './workload/faults.ts'
export * from './workload/hyperparameters.ts'
export { requireReproducible } from './workload/reproducible.ts'
export * from './workload/settings.ts'
export * from './workload/workload.ts'
