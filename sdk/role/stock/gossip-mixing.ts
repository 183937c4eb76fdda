/** The model of an end, and its weight in a mixture. */
export interface MixedModel {
  readonly weight: number
  readonly weights: Float32Array
}

/**
 * Σ weight · model in float64, in the order of ends, each value rounded once to float32.
 *
 * @param models by end, sorted; their weights sum to 1.
 */
export function mixed(models: readonly MixedModel[]): Float32Array {
  return Float32Array.from(summed(models))
}

/**
 * The mean of the ends' models, rounded once, and the greatest distance of a model from the mean in the 2-norm.
 *
 * @param models by end, sorted.
 */
export function consensusOf(models: readonly Float32Array[]): {
  readonly mean: Float32Array
  readonly distance: number
} {
  const mean = summed(models.map((weights) => ({ weight: 1 / models.length, weights })))
  const distances = models.map((weights) => {
    let squares = 0
    for (let i = 0; i < mean.length; i++) {
      const difference = weights[i]! - mean[i]!
      squares += difference * difference
    }
    return Math.sqrt(squares)
  })
  return { mean: Float32Array.from(mean), distance: distances.reduce((most, each) => Math.max(most, each), 0) }
}

function summed(models: readonly MixedModel[]): Float64Array {
  const sum = new Float64Array(models[0]?.weights.length ?? 0)
  for (const { weight, weights } of models) for (let i = 0; i < sum.length; i++) sum[i]! += weight * weights[i]!
  return sum
}
