import { z } from 'zod'
import { randomStream } from '../../sdk/index.ts'
import { mixed } from '../../sdk/role/stock/gossip-mixing.ts'
import { cutSums } from '../../sdk/sum/cut-sums.ts'
import { wordsOf } from '../../sdk/sum/exact-sums.ts'
import { type Edge, graphNamed, metropolisWeights, neighboursBy, neighboursIn } from '../../sdk/tag/gossip-graph.ts'
import { CaseError, inputs, numberOf, requireOnly, type VectorCase } from './cases.ts'
import { splitFed } from './split-cases.ts'
import { alignment, verticalJob } from './vertical-cases.ts'

type TopologyRunner = (given: VectorCase) => Promise<Record<string, unknown>>

/** By topology: runs its cases through the parts that its roles call. */
export const topologyRunners: Readonly<Record<string, TopologyRunner>> = {
  alignment,
  gossip,
  ring: ringParts,
  splitfed: splitFed,
  vertical: verticalJob,
}

/** The first index of each part that a ring sends, and the index after the last part. */
async function ringParts(given: VectorCase): Promise<Record<string, unknown>> {
  const { values } = inputs.parts.parse(given.inputs)
  const whole = { quantumBits: 34, sum: new BigInt64Array(values), bound: wordsOf(0n), weight: 1, updates: 1 }
  const starts = [0]
  for (const { delta } of cutSums({ delta: whole }, numberOf(given, 'members')))
    starts.push((starts.at(-1) ?? 0) + (delta?.sum.length ?? 0))
  return { starts }
}

const gossipInputs = z.object({
  ends: z.array(z.string()),
  edges: z.array(z.tuple([z.number(), z.number()])),
  weights: z.array(z.array(z.number())),
})

/** Mixes models without training. */
async function gossip(given: VectorCase): Promise<Record<string, unknown>> {
  requireOnly(given, 'mixing', 'metropolis')
  const { ends, edges, weights } = gossipInputs.parse(given.inputs)
  const count = ends.length
  const neighbours = neighboursBy(edges, count)
  requireGraph(given, edges, count)
  const mixing = ends.map((_, end) => {
    const others = metropolisWeights(neighbours, end)
    const own = 1 - [...others.values()].reduce((sum, weight) => sum + weight, 0)
    return ends.map((_name, other) => (other === end ? own : (others.get(other) ?? 0)))
  })
  let models: Float32Array[] = weights.map((values) => Float32Array.from(values))
  const rounds: number[][][] = []
  for (let round = 0; round < Number(given.rounds ?? 1); round++) {
    models = mixing.map((row) => mixed(models.map((model, other) => ({ weight: row[other] ?? 0, weights: model }))))
    rounds.push(models.map((model) => [...model]))
  }
  return { mixing, weights: rounds, secondEigenvalue: secondEigenvalue(mixing) }
}

/** A graph that jobs have must have the edges of the case. */
function requireGraph({ settings }: VectorCase, edges: readonly Edge[], count: number): void {
  const graph = typeof settings.graph === 'string' ? graphNamed(settings.graph) : undefined
  if (!graph || graph.kind === 'regular') return
  const [own, stated] = [neighboursIn(graph, count, randomStream(1)), neighboursBy(edges, count)]
  for (let end = 0; end < count; end++)
    if (own.of(end).join() !== stated.of(end).join())
      throw new CaseError(`its edges are not those of the graph ${String(settings.graph)}`)
}

/**
 * The second largest magnitude among the eigenvalues of a symmetric matrix whose rows sum to 1: of the matrix without
 * its mean, by powers.
 */
export function secondEigenvalue(matrix: readonly (readonly number[])[]): number {
  const rest = matrix.map((row) => row.map((value) => value - 1 / matrix.length))
  const times = (vector: readonly number[]) =>
    rest.map((row) => row.reduce((sum, value, i) => sum + value * (vector[i] ?? 0), 0))
  const norm = (vector: readonly number[]) => Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0))
  const random = randomStream(1)
  let vector = matrix.map(() => random.uniform() - 0.5)
  let value = 0
  for (let step = 0; step < 2000; step++) {
    const length = norm(vector)
    if (length < 1e-12) return value
    vector = times(vector.map((each) => each / length))
    value = norm(vector)
  }
  return value
}
