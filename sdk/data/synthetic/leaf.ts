import { normal } from '../../random/distributions.ts'
import { exp, power } from '../../random/elementary.ts'
import { type RandomStream, randomStream } from '../../random/random-stream.ts'
import type { Examples } from '../examples.ts'
import { inMemoryExamples } from '../in-memory-examples.ts'
import { checkCount, checkFrom, normals, type SyntheticRequest, synthetic } from './synthetic.ts'

export interface SyntheticLeafRequest extends SyntheticRequest {
  /** α of the formula, from 0. Default: 1. */
  readonly alpha?: number
  /** How much the features of clients differ, from 0. Default: 1. */
  readonly beta?: number
  /** Standard deviation of a model that all clients share, added to their own, from 0. Default: 0, as published. */
  readonly common?: number
  /** Default: 60. */
  readonly features?: number
  /** Default: 10. */
  readonly classes?: number
}

/** The distribution of one client's examples. */
export interface LeafClient {
  /** W, of shape [classes, features]. */
  readonly weights: Float64Array
  /** b */
  readonly biases: Float64Array
  /** v: the mean of each feature. */
  readonly means: Float64Array
}

/** Most examples of a client by the published sizes, of which one client in 200 would have more. */
const mostSamples = 10_000

/**
 * Synthetic(α, β): each client k labels its examples by a model of its own, y = argmax(softmax(W_k·x + b_k)), where each
 * entry of W_k and b_k is drawn from N(u_k, 1) with u_k from N(0, α); and x from N(v_k, Σ), with a diagonal Σ of j^−1.2 for
 * feature j from 1, each entry of v_k from N(B_k, 1), and B_k from N(0, β). α and β are standard deviations, as in the
 * published code. The number of examples is 50 + ⌊e^(4 + 2z)⌋ with a standard normal z, here at most 10,000.
 *
 * Two things to know. u_k adds the same to the scores of all classes, so that α changes no label: clients differ by the
 * rest of W_k, and by β. And models of many clients have nothing in common: one model fits the features of 30 clients apart
 * from each other, as in the paper, but not those of 10,000, for which it's hardly better than chance. `common` adds to
 * all W_k and b_k a model whose entries are drawn from N(0, common): with 3, most labels of any client can be learned.
 *
 * @see Li et al., Federated Optimization in Heterogeneous Networks, MLSys 2020, section 5.1; Caldas et al., LEAF: A
 *   Benchmark for Federated Settings, 2018, has a relative of it.
 * @throws DATA_CLIENTS, DATA_SIZES, DATA_SETTING
 */
export function syntheticLeaf(request: SyntheticLeafRequest) {
  const { alpha = 1, beta = 1, common = 0, features = 60, classes = 10 } = request
  checkFrom('alpha', alpha, 0)
  checkFrom('beta', beta, 0)
  checkFrom('common', common, 0)
  checkCount('features', features, 1)
  checkCount('classes', classes, 2)
  const deviations = Float64Array.from({ length: features }, (_, index) => power(index + 1, -0.6))
  return synthetic(request, {
    usualSize: (random) => Math.min(mostSamples, 50 + Math.floor(exp(4 + 2 * normal(random)))),
    sourceOf(seed, client) {
      const own = leafClient(randomStream(seed, 'client', client), { alpha, beta, features, classes })
      const { weights, biases, means } = own
      const shared = randomStream(seed, 'common')
      const added = (values: Float64Array) => values.map((value) => value + common * normal(shared))
      const models = common === 0 ? own : { weights: added(weights), biases: added(biases), means }
      return (count, stream) => examplesOf(models, count, deviations, stream)
    },
  })
}

/** Draws the distribution of one client. */
export function leafClient(
  stream: RandomStream,
  { alpha, beta, features, classes }: Required<Pick<SyntheticLeafRequest, 'alpha' | 'beta' | 'features' | 'classes'>>,
): LeafClient {
  const u = alpha * normal(stream)
  const weights = normals(stream, classes * features, u)
  const biases = normals(stream, classes, u)
  const means = normals(stream, features, beta * normal(stream))
  return { weights, biases, means }
}

function examplesOf(
  { weights, biases, means }: LeafClient,
  count: number,
  deviations: Float64Array,
  stream: RandomStream,
): Examples {
  const size = means.length
  const features = new Float32Array(count * size)
  const labels = new Float32Array(count)
  for (let row = 0; row < count; row++) {
    const x = features.subarray(row * size, (row + 1) * size)
    for (let index = 0; index < size; index++)
      x[index] = (means[index] ?? 0) + (deviations[index] ?? 0) * normal(stream)
    labels[row] = likeliestClass(x, weights, biases)
  }
  return inMemoryExamples({ features, labels, shape: [size] })
}

/** argmax(softmax(W·x + b)), which is argmax(W·x + b). */
function likeliestClass(x: Float32Array, weights: Float64Array, biases: Float64Array): number {
  let found = 0
  let most = Number.NEGATIVE_INFINITY
  for (let row = 0, at = 0; row < biases.length; row++) {
    let score = biases[row] ?? 0
    for (let index = 0; index < x.length; index++, at++) score += (weights[at] ?? 0) * (x[index] ?? 0)
    if (score <= most) continue
    most = score
    found = row
  }
  return found
}
