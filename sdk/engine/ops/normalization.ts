import type { InitializerSpec } from '../../learn/initializer.ts'
import type { Kernels } from '../kernels.ts'
import type { NormalizedRows } from '../layer-kernels.ts'
import { type Pass, type Plan, paddedTo8, type Tensor } from '../plan.ts'
import { channelWeights } from '../weight-layouts.ts'
import { inPixels } from './shaping.ts'

interface BatchNormalizationSettings extends NormalizationWeights {
  /** The share of a moving value that remains after a batch. */
  readonly momentum: number
  /** Whether moving means are used, and rest, in training too, as in Keras. */
  readonly frozen: boolean
  readonly movingMeanInitializer: InitializerSpec
  readonly movingVarianceInitializer: InitializerSpec
}

/**
 * Normalizes each channel over a whole batch, and in evaluation with moving means of the batches' statistics. Moving
 * means are weights, too, and are loaded and saved with the others.
 *
 * @see Ioffe and Szegedy, Batch Normalization, ICML 2015. Moving variances are the batches' own (over n), as in
 *   TensorFlow.js.
 */
export function batchNormalization(plan: Plan, settings: BatchNormalizationSettings, given: Tensor): Tensor {
  const { name, epsilon, momentum, frozen, movingMeanInitializer, movingVarianceInitializer } = settings
  const x = inPixels(plan, name, given)
  const { channels, pitch, pixels } = x
  const scaling = scaleAndShift(plan, settings, channels)
  const movingMean = channelRow(plan, `${name}/moving_mean`, channels, movingMeanInitializer, false)
  const movingVariance = channelRow(plan, `${name}/moving_variance`, channels, movingVarianceInitializer, false)
  if (!frozen) plan.wholeBatchFor ??= name

  const y = plan.tensor(x.shape)
  // Each channel separately, also those of the padding, which a gamma of 0 keeps 0.
  const sets = { channels: pitch, groups: pitch, rowsOf: (batch: number) => batch * pixels, setsOf: () => 1, sets: 1 }
  const passes = normalization(plan, x, y, sets, scaling, epsilon)
  const { measure, apply, mean, variance } = passes
  plan.ops.push({
    name,
    forward(kernels, { batch, training }) {
      if (frozen || !training) return apply(kernels, batch, movingMean, movingVariance)
      measure(kernels, batch)
      apply(kernels, batch)
      kernels.moveTowards(movingMean, mean, 1 - momentum, pitch)
      kernels.moveTowards(movingVariance, variance, 1 - momentum, pitch)
    },
    backward: frozen ? (kernels, pass) => passes.backwardFixed(kernels, pass, movingMean) : passes.backward,
  })
  return y
}

export interface GroupNormalizationSettings extends NormalizationWeights {
  /** Number of groups, which divides the number of channels. */
  readonly groups: number
}

/**
 * Normalizes groups of channels of one example, independently of the batch's other examples, so that it trains well on
 * the small, unlike data of clients.
 *
 * @see Wu and He, Group Normalization, ECCV 2018.
 */
export function groupNormalization(plan: Plan, settings: GroupNormalizationSettings, given: Tensor): Tensor {
  const { name, groups, epsilon } = settings
  const x = inPixels(plan, name, given)
  const { channels, pixels } = x
  const scaling = scaleAndShift(plan, settings, channels)
  const y = plan.tensor(x.shape)
  const sets = { channels, groups, rowsOf: () => pixels, setsOf: (batch: number) => batch, sets: plan.batch }
  const { measure, apply, backward } = normalization(plan, x, y, sets, scaling, epsilon)
  plan.ops.push({
    name,
    forward(kernels, { batch }) {
      measure(kernels, batch)
      apply(kernels, batch)
    },
    backward,
  })
  return y
}

/** Sets of values that each have one mean and one variance: rows of channels, whose channels form groups. */
interface StatisticsSets {
  readonly channels: number
  readonly groups: number
  readonly rowsOf: (batch: number) => number
  readonly setsOf: (batch: number) => number
  /** Most sets in a pass. */
  readonly sets: number
}

/** Addresses of the scale and the shift, each a row of padded channels. */
interface ScaleAndShift {
  readonly gamma: number
  readonly gammaTrained: boolean
  readonly beta: number
  readonly betaTrained: boolean
}

/**
 * The passes of a normalization y = gamma · (x − mean) / √(variance + epsilon) + beta. `x` and `y` have padded pixels.
 */
export function normalization(
  plan: Plan,
  x: Tensor,
  y: Tensor,
  { channels, groups, rowsOf, setsOf, sets }: StatisticsSets,
  { gamma, gammaTrained, beta, betaTrained }: ScaleAndShift,
  epsilon: number,
) {
  const columns = x.pitch
  const pitch = 4 * columns
  const [means, variances, roots] = [0, 0, 0].map(() => plan.allocate(sets * pitch))
  const [a, b] = [plan.allocate(pitch), plan.allocate(pitch)]
  const sums = plan.allocate(4 * pitch)
  const totals = plan.allocate(4 * pitch)
  const products = 8 * columns
  const address = (base: number | undefined, set: number) => (base ?? 0) + set * pitch

  /** Computes the statistics of the values. */
  const measure = (kernels: Kernels, batch: number) => {
    const rows = rowsOf(batch)
    for (let set = 0; set < setsOf(batch); set++) {
      const values = x.value + set * rows * pitch
      const mean = address(means, set)
      const variance = address(variances, set)
      kernels.columnSums(values, pitch, rows, columns, sums)
      kernels.groupMeans(sums, 0, channels, groups, rows, mean)
      kernels.columnSquares(values, mean, pitch, rows, columns, sums)
      kernels.groupMeans(sums, 0, channels, groups, rows, variance)
    }
  }
  const apply = (kernels: Kernels, batch: number, mean = address(means, 0), variance = address(variances, 0)) => {
    const rows = rowsOf(batch)
    kernels.reciprocalRoots(variance, epsilon, address(roots, 0), setsOf(batch) * columns)
    for (let set = 0; set < setsOf(batch); set++) {
      const at = set * rows * pitch
      const statistics: NormalizedRows = [pitch, rows, columns, mean + set * pitch, address(roots, set)]
      kernels.normalize(x.value + at, ...statistics, gamma, beta, y.value + at)
    }
  }
  const backward = (kernels: Kernels, { batch, gradientShift, gradientScale }: Pass) => {
    const rows = rowsOf(batch)
    kernels.fill(totals, 0, 4 * columns)
    for (let set = 0; set < setsOf(batch); set++) {
      const at = set * rows * pitch
      const statistics: NormalizedRows = [pitch, rows, columns, address(means, set), address(roots, set)]
      kernels.normalizeSums(x.value + at, y.gradient + at, ...statistics, sums)
      kernels.addSums(sums, totals, 2 * columns)
      if (x.gradient === 0) continue
      kernels.groupMeans(sums, gamma, channels, groups, rows, a)
      kernels.groupMeans(sums + products, gamma, channels, groups, rows, b)
      kernels.normalizeGradient(x.value + at, y.gradient + at, ...statistics, gamma, a, b, x.gradient + at)
    }
    if (betaTrained) kernels.addScaledSums(totals, gradientScale, beta + gradientShift, columns)
    if (gammaTrained) kernels.addScaledSums(totals + products, gradientScale, gamma + gradientShift, columns)
  }
  /** The gradient where mean and variance are constants, with the roots of the last `apply`. */
  const backwardFixed = (kernels: Kernels, { batch }: Pass, mean: number) => {
    if (x.gradient === 0) return
    kernels.fill(a, 0, columns)
    const statistics: NormalizedRows = [pitch, rowsOf(batch), columns, mean, address(roots, 0)]
    kernels.normalizeGradient(x.value, y.gradient, ...statistics, gamma, a, a, x.gradient)
  }
  return { measure, apply, backward, backwardFixed, mean: address(means, 0), variance: address(variances, 0) }
}

/** The weights of a normalization. Without an initializer, the scale is 1 and the shift 0. */
export interface NormalizationWeights {
  readonly name: string
  readonly epsilon: number
  readonly gammaInitializer: InitializerSpec | undefined
  readonly betaInitializer: InitializerSpec | undefined
}

const one = 0x3f800000

/** One weight for each channel; returns the address of the row. */
function channelRow(
  plan: Plan,
  name: string,
  channels: number,
  initializer: InitializerSpec,
  trained: boolean,
): number {
  return channelWeights(plan, { name, shape: [channels], rows: 1, channels, initializer, trained })
}

export function scaleAndShift(plan: Plan, weights: NormalizationWeights, channels: number): ScaleAndShift {
  const { name, gammaInitializer, betaInitializer } = weights
  const pitch = paddedTo8(channels)
  return {
    gamma: gammaInitializer
      ? channelRow(plan, `${name}/gamma`, channels, gammaInitializer, true)
      : plan.table(Array.from({ length: pitch }, (_, channel) => (channel < channels ? one : 0))),
    gammaTrained: gammaInitializer !== undefined,
    beta: betaInitializer
      ? channelRow(plan, `${name}/beta`, channels, betaInitializer, true)
      : plan.allocate(4 * pitch),
    betaTrained: betaInitializer !== undefined,
  }
}
