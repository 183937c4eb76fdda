import { readdir } from 'node:fs/promises'
import { givenSettings } from '../../flamectl/run/run-options.ts'
import {
  choicesOf,
  chosenAlgorithm,
  inlinePool,
  type ModelRegistry,
  resolveSettings,
  type Settings,
  type Topology,
  type Workload,
  weightsHash,
} from '../../sdk/index.ts'
import { fileRegistry, loadWorkload } from '../../sdk/node/index.ts'
import { randomStream } from '../../sdk/random/random-stream.ts'
import type { CountedWork } from '../../sdk/registry/registry.ts'
import { consensusOf } from '../../sdk/role/stock/gossip-mixing.ts'
import { roundSum } from '../../sdk/strategy/round-sum.ts'
import { weightIn } from '../../sdk/sum/accumulator.ts'
import { namedSums } from '../../sdk/sum/named-sums.ts'
import { clientLearner } from '../../sdk/training/training-pool.ts'
import { modelName } from '../flamectl-process.ts'
import { replayedPairs } from '../support/replayed-pairs.ts'

/**
 * Computes the hashes of an asynchronous job's models again, by the models' names, without actors: from the initial
 * weights, and from the work that each model's lineage counts. The order of arrival depends on timing; given the order,
 * the weights don't. So do those of ends that average their models in pairs. Undefined for a synchronous job.
 */
export async function recomputedHashes(
  workloadFolder: string,
  set: string,
  models: string,
): Promise<ReadonlyMap<string, string> | undefined> {
  const { workload } = await loadWorkload(workloadFolder)
  const { overrides, choices } = givenSettings([set])
  const settings = resolveSettings(workload.settings, overrides)
  const algorithm = chosenAlgorithm(workload.strategy(settings), choicesOf(choices))
  const { server, client, aggregation, waiting } = algorithm
  const registry = fileRegistry(models)
  const job = (await readdir(models)).find((name) => name.startsWith(workload.name)) ?? ''
  if (isInPairs(workload.topology(settings))) return pairHashes({ workload, settings, algorithm, registry, job })
  if (waiting.kind !== 'buffer') return undefined
  const pool = await inlinePool(workload, settings, seed)
  const { weightBits = 0, vectors } = aggregation
  try {
    const versions = [await pool.initialWeights()]
    const hashes = new Map<string, string>()
    const state = server.init(pool.layout)
    /** The sum of the work that a buffer counts, at the version `now`. */
    const summed = async (arrivals: readonly CountedWork[], now: number, weigh: (staleness: number) => number) => {
      const sum = roundSum(aggregation, namedSums({ layout: pool.layout, vectors, weightBits, name: 'recomputed' }))
      for (const { end, dispatch, version, buffer } of arrivals) {
        if (buffer) {
          const below = await summed(buffer, version, waiting.weighBelow ?? weigh)
          sum.merge(end, below.partial(), weightIn(weigh(now - version), weightBits))
          continue
        }
        const weights = versions[version]
        if (!weights) throw new Error(`work on version ${version} was counted before there was one`)
        const { contribution } = await client.train(
          { end, round: dispatch, weights, terms: server.assign?.(state, now + 1) ?? {} },
          client.init?.(pool.layout) ?? null,
          clientLearner(pool, clientOf(end), end),
          randomStream(seed, dispatch, end, 'client'),
        )
        const weight = weightIn(contribution.weight * weigh(now - version), weightBits)
        sum.add(end, { ...contribution, weight })
      }
      return sum
    }
    for (const round of await registry.list(job)) {
      const { arrivals = [] } = await registry.describe(job, round)
      const sum = await summed(arrivals, round - 1, waiting.weigh)
      const next = versions[round - 1]?.slice()
      if (!next) throw new Error(`round ${round - 1} is missing`)
      const aggregate = sum.aggregate({ round, population: settings.clients })
      server.step(next, aggregate, state, randomStream(seed, round, 'top-aggregator-0', 'step'))
      versions[round] = next
      hashes.set(modelName({ round }), await weightsHash(next))
    }
    return hashes
  } finally {
    await pool.close()
  }
}

function isInPairs({ schema }: Topology): boolean {
  return schema.channels.some(({ funcTags = {} }) => Object.values(funcTags).flat().includes('gossipPairs'))
}

/**
 * The hashes of the models of ends that average them in pairs, and of the mean of their last models. The algorithm selects
 * all ends, and has clients without a state of their own.
 */
async function pairHashes({ workload, settings, algorithm, registry, job }: PairJob): Promise<Map<string, string>> {
  const { server, client, aggregation } = algorithm
  const { rounds, clients } = settings
  const pool = await inlinePool(workload, settings, seed)
  try {
    const { layout } = pool
    const ends = (await registry.parts(job)).filter((part) => part !== 'consensus')
    const orders = new Map<string, readonly CountedWork[]>()
    for (const part of ends)
      for (const round of await registry.list(job, part))
        orders.set(modelName({ part, round }), (await registry.describe(job, round, part)).arrivals ?? [])
    const state = server.init(layout)
    const { models } = await replayedPairs({
      ends,
      rounds,
      initial: await pool.initialWeights(),
      orderOf: (part, round) => orders.get(modelName({ part, round })) ?? [],
      async train(end, round, start) {
        const { contribution } = await client.train(
          { end, round, weights: start, terms: server.assign?.(state, round) ?? {} },
          null,
          clientLearner(pool, clientOf(end), end),
          randomStream(seed, round, end, 'client'),
        )
        const { weightBits = 0, vectors } = aggregation
        const sum = roundSum(aggregation, namedSums({ layout, vectors, weightBits, name: 'recomputed' }))
        sum.add(end, contribution)
        const weights = start.slice()
        const aggregate = sum.aggregate({ round, population: clients })
        server.step(weights, aggregate, structuredClone(state), randomStream(seed, round, end, 'step'))
        return weights
      },
    })
    const hashes = new Map<string, string>()
    for (const [part, ofEnd] of models)
      for (const [index, weights] of ofEnd.entries())
        hashes.set(modelName({ part, round: index + 1 }), await weightsHash(weights))
    const { mean } = consensusOf(ends.flatMap((end) => models.get(end)?.at(-1) ?? []))
    return hashes.set(modelName({ part: 'consensus', round: rounds }), await weightsHash(mean))
  } finally {
    await pool.close()
  }
}

interface PairJob {
  readonly workload: Workload
  readonly settings: Settings
  readonly algorithm: ReturnType<typeof chosenAlgorithm>
  readonly registry: ModelRegistry
  readonly job: string
}

/** The number of a trainer's client. */
function clientOf(end: string): number {
  return Number(end.slice(end.lastIndexOf('-') + 1))
}

/** The seed of a run that names none. */
const seed = 1
