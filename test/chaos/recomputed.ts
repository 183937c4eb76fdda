import { readdir } from 'node:fs/promises'
import { givenSettings } from '../../flamectl/run/run-options.ts'
import { choicesOf, chosenAlgorithm, inlinePool, resolveSettings, weightsHash } from '../../sdk/index.ts'
import { fileRegistry, loadWorkload } from '../../sdk/node/index.ts'
import { randomStream } from '../../sdk/random/random-stream.ts'
import type { CountedWork } from '../../sdk/registry/registry.ts'
import { roundSum } from '../../sdk/strategy/round-sum.ts'
import { weightIn } from '../../sdk/sum/accumulator.ts'
import { namedSums } from '../../sdk/sum/named-sums.ts'
import { clientLearner } from '../../sdk/training/training-pool.ts'
import { modelName } from '../flamectl-process.ts'

/**
 * Computes the hashes of an asynchronous job's models again, by the models' names, without actors: from the initial
 * weights, and from the work that each model's lineage counts. The order of arrival depends on timing; given the order,
 * the weights don't. Undefined for a synchronous job.
 */
export async function recomputedHashes(
  workloadFolder: string,
  set: string,
  models: string,
): Promise<ReadonlyMap<string, string> | undefined> {
  const { workload } = await loadWorkload(workloadFolder)
  const { overrides, choices } = givenSettings([set])
  const settings = resolveSettings(workload.settings, overrides)
  const { server, client, aggregation, waiting } = chosenAlgorithm(workload.strategy(settings), choicesOf(choices))
  if (waiting.kind !== 'buffer') return undefined
  const registry = fileRegistry(models)
  const job = (await readdir(models)).find((name) => name.startsWith(workload.name)) ?? ''
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
          clientLearner(pool, Number(end.slice(end.lastIndexOf('-') + 1)), end),
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

/** The seed of a run that names none. */
const seed = 1
