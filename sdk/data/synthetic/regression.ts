import { normal } from '../../random/distributions.ts'
import { exp } from '../../random/elementary.ts'
import { randomStream } from '../../random/random-stream.ts'
import { inMemoryExamples } from '../in-memory-examples.ts'
import { checkCount, checkFrom, type ExampleSource, normals, type SyntheticRequest, synthetic } from './synthetic.ts'

export interface SyntheticRegressionRequest extends SyntheticRequest {
  /** d. Default: 10. */
  readonly features?: number
  /** How far each coefficient of a client lies from the common one: a standard deviation from 0. Default: 0.5. */
  readonly drift?: number
  /** Standard deviation of the noise of the targets, from 0. Default: 0.1. */
  readonly noise?: number
}

/**
 * Linear regression with a drift of each client: y = ⟨w_k, x⟩ + noise·z, where w_k = w + drift·z_k, and x, z and each
 * entry of z_k and of the common w are drawn from N(0, 1). In the limit of many clients the least squares over all of them
 * is w, while each client's own optimum is w_k, to which its local steps drift: how far an algorithm is from w can be
 * computed. The targets of the test set are those of w, without noise. The number of examples is log-normal, with a median
 * of 50 and σ = 1, at most 5,000.
 *
 * A model of this project's own, in the setting in which Karimireddy et al., SCAFFOLD, ICML 2020, explain the drift of
 * clients: quadratic objectives with different optima.
 *
 * @throws DATA_CLIENTS, DATA_SIZES, DATA_SETTING
 */
export function syntheticRegression(request: SyntheticRegressionRequest) {
  const { features = 10, drift = 0.5, noise = 0.1 } = request
  checkCount('features', features, 1)
  checkFrom('drift', drift, 0)
  checkFrom('noise', noise, 0)
  const commonOf = (seed: number) => normals(randomStream(seed, 'common'), features)
  return synthetic(request, {
    usualSize: (random) => Math.max(1, Math.min(5_000, Math.round(50 * exp(normal(random))))),
    sourceOf(seed, client) {
      const own = randomStream(seed, 'client', client)
      return linear(
        commonOf(seed).map((value) => value + drift * normal(own)),
        noise,
      )
    },
    testSourceOf: (seed) => linear(commonOf(seed), 0),
  })
}

/** Examples of one linear model. */
function linear(coefficients: Float64Array, noise: number): ExampleSource {
  const size = coefficients.length
  return (count, stream) => {
    const features = Float32Array.from(normals(stream, count * size))
    const labels = new Float32Array(count)
    for (let row = 0; row < count; row++) {
      let target = noise * normal(stream)
      for (let index = 0; index < size; index++)
        target += (coefficients[index] ?? 0) * (features[row * size + index] ?? 0)
      labels[row] = target
    }
    return inMemoryExamples({ features, labels, shape: [size] })
  }
}
