import type { Kernels } from '../kernels.ts'
import type { NormalizedRows } from '../layer-kernels.ts'
import type { Pass, Plan, Tensor } from '../plan.ts'

/** Values with one mean and one variance: so many rows of channels, whose channels go together in groups. */
export interface StatisticsSets {
  readonly channels: number
  readonly groups: number
  readonly rowsOf: (batch: number) => number
  readonly setsOf: (batch: number) => number
  /** Most sets of a pass. */
  readonly sets: number
}

/** Addresses of what the values are scaled and shifted by, a row of padded channels each; of 0 trained or not. */
export interface ScaleAndShift {
  readonly gamma: number
  readonly gammaTrained: boolean
  readonly beta: number
  readonly betaTrained: boolean
}

/** The passes of a normalization y = gamma · (x − mean) / √(variance + epsilon) + beta. `x` and `y` lie in padded pixels. */
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

  /** Takes the statistics from the values. */
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
  return { measure, apply, backward, mean: address(means, 0), variance: address(variances, 0) }
}
