import type { Algorithm } from '../../sdk/index.ts'
import type { Waiting } from '../../sdk/strategy/algorithm.ts'
import { roundSum } from '../../sdk/strategy/round-sum.ts'
import { weightIn } from '../../sdk/sum/accumulator.ts'
import { namedSums } from '../../sdk/sum/named-sums.ts'
import { CaseError, inputs, type VectorCase } from './cases.ts'
import { serverRun } from './server-cases.ts'

/** The weights after each buffer of given updates. Updates that are too stale are left out. */
export async function buffered(given: VectorCase, algorithm: Algorithm) {
  const { waiting, aggregation } = algorithm
  if (waiting.kind !== 'buffer') throw new CaseError(`${algorithm.name} has no buffer`)
  if ('tau' in given.inputs) {
    const { tau } = inputs.staleness.parse(given.inputs)
    return { factor: tau.map((each) => waiting.weigh(each) / waiting.weigh(0)) }
  }
  if (inputs.buffers.safeParse(given.inputs).success) return middleBuffers(given, algorithm, waiting)
  const { weights: start, rounds } =
    'arrivals' in given.inputs ? arrivals(given, waiting.size) : inputs.async.parse(given.inputs)
  const { size, mostStale = Number.POSITIVE_INFINITY } = waiting
  const run = serverRun(given, algorithm, start, rounds)
  for (const { version, updates } of rounds) {
    const counted = updates.filter((update) => version - update.version <= mostStale)
    if (counted.length !== size) throw new CaseError(`${counted.length} updates are counted, and K is ${size}`)
    await run.step(counted, (update) =>
      weightIn(waiting.weigh(version - (update.version ?? version)), aggregation.weightBits ?? 0),
    )
  }
  return { weights: run.weights }
}

/** The weights after each buffer of sums, which aggregators below the top make of buffers of given updates. */
async function middleBuffers(
  given: VectorCase,
  algorithm: Algorithm,
  { size, sizeBelow = size, weigh, weighBelow = weigh }: Extract<Waiting, { kind: 'buffer' }>,
) {
  const { weights: start, rounds } = inputs.buffers.parse(given.inputs)
  const { vectors, weightBits = 0 } = algorithm.aggregation
  const updatesOf = rounds.map(({ arrivals: all }) => ({ updates: all.flatMap(({ updates }) => updates) }))
  const run = serverRun(given, algorithm, start, updatesOf)
  const empty = (name: string) =>
    roundSum(algorithm.aggregation, namedSums({ layout: run.layout, vectors, weightBits, name }))
  for (const [index, { version, arrivals: all }] of rounds.entries()) {
    if (all.length !== size) throw new CaseError(`${all.length} sums are counted, and K is ${size}`)
    const sum = empty('top')
    for (const { end, version: from, updates } of all) {
      if (updates.length !== sizeBelow) throw new CaseError(`${updates.length} updates in a sum, and K is ${sizeBelow}`)
      const part = empty(end)
      for (const update of updates) {
        const contribution = await run.contribution(index + 1, update)
        const weight = weightIn(contribution.weight * weighBelow(from - update.version), weightBits)
        part.add(update.end, { ...contribution, weight })
      }
      sum.merge(end, part.partial(), weightIn(weigh(version - from), weightBits))
    }
    run.stepBy(sum.aggregate({ round: index + 1, population: run.population }))
  }
  return { weights: run.weights }
}

/** Arrivals of whole weights, each a buffer of its own. A client's part that sends its weights sends them as a delta. */
function arrivals(given: VectorCase, bufferSize: number) {
  if (bufferSize !== 1) throw new CaseError(`each arrival is a step, and K is ${bufferSize}`)
  const { weights, arrivals: all } = inputs.arrivals.parse(given.inputs)
  const rounds = all.map(({ weights: delta, ...update }, version) => ({
    version,
    updates: [{ ...update, delta, samples: 1 }],
  }))
  return { weights, rounds }
}
