import { setImmediate } from 'node:timers/promises'
import {
  coordinated,
  fedAvg,
  fedBuff,
  findFaults,
  gossip,
  hierarchical,
  hybrid,
  parallel,
  randomStream,
  replicated,
  ring,
  type Topology,
  twoTier,
} from '../../sdk/index.ts'
import { type Rehearsal, type RehearsalOptions, rehearse, tinyPool } from '../../sdk/testing/index.ts'
import { disturbed } from '../support/slow-routes.ts'

const rounds = 2

/** The topologies that give the same model, by name: of so many clients, with other numbers drawn. */
const equal: Readonly<Record<string, (clients: number, draw: (below: number) => number) => Topology>> = {
  'two-tier': (clients) => twoTier({ clients }),
  hierarchical: (clients, draw) => hierarchical({ clients, groups: 1 + draw(clients) }),
  'hierarchical of three levels': (clients, draw) => hierarchical({ clients, levels: 3, groups: 1 + draw(clients) }),
  replicated: (clients, draw) => replicated({ clients, replicas: 1 + draw(3) }),
  coordinated: (clients, draw) => coordinated({ clients, replicas: 1 + draw(3) }),
  hybrid: (clients, draw) => hybrid({ clients, groups: 1 + draw(clients) }),
  ring: (clients) => ring({ clients }),
}

/** Names of the topologies that each seed compares. */
export const compared: readonly string[] = [...Object.keys(equal), 'parallel', 'gossip']

/** Topologies of an asynchronous algorithm, whose models follow from the order of messages: one for each seed. */
const ordered: typeof equal = {
  'asynchronous two-tier': (clients) => twoTier({ clients }),
  'asynchronous hierarchical': (clients, draw) => hierarchical({ clients, groups: 1 + draw(clients) }),
  'asynchronous replicated': (clients, draw) => replicated({ clients, replicas: 1 + draw(3) }),
}

/**
 * Runs the same small job in each topology, in an order of messages, with slow routes and with a passing fault that the
 * seed decides, and compares the models of all rounds. The numbers of clients and groups and the updates are drawn by the seed, too. Runs
 * each asynchronous topology twice, with trainings of other durations, and compares the models of both runs.
 *
 * @throws an error that names the topology, if a model differs or a job doesn't complete.
 */
export async function checkSchedule(seed: number): Promise<void> {
  const random = randomStream(seed, 'schedule')
  const clients = 1 + random.below(6)
  const calm = modelsOf(await completed('two-tier', { topology: twoTier({ clients }) }))
  for (const [name, topologyOf] of Object.entries(equal)) {
    const topology = topologyOf(clients, (below) => random.below(below))
    const faultAt = random.below(2 * clients * rounds)
    const models = modelsOf(await completed(name, disturbed(topology, seed), faultAt))
    if (models !== calm) throw new Error(`${name} of ${clients} clients has the models ${models}, two-tier ${calm}`)
  }
  await checkParallel(1 + random.below(clients))
  await checkGossip()
  await checkAsynchronous()

  /** Each group of a parallel topology has the models of two tiers in which its trainers alone are selected. */
  async function checkParallel(groups: number): Promise<void> {
    const run = await completed('parallel', disturbed(parallel({ clients, groups }), seed))
    for (const part of new Set(run.rounds.map((round) => round.part))) {
      const its = run.rounds.filter((round) => round.part === part)
      const members = its[0]?.members ?? []
      const strategy = { ...fedAvg(), select: { select: () => members } }
      const alone = modelsOf(await completed('two-tier', { topology: twoTier({ clients }), strategy }))
      const models = modelsOf({ rounds: its })
      if (models !== alone) throw new Error(`${part} of parallel has the models ${models}, two-tier ${alone}`)
    }
  }

  /** The ends of a gossiping topology have the same models, and the same consensus, as in a calm run. */
  async function checkGossip(): Promise<void> {
    const fitting = ['full', 'ring', 'torus', 'regular:2', 'regular:3', 'regular:2:each-round'].filter((graph) => {
      const { faults } = findFaults(gossip({ clients, graph }))
      return faults.length === 0
    })
    const topology = gossip({ clients, graph: fitting[random.below(fitting.length)] ?? 'ring' })
    const undisturbed = partsOf(await completed('gossip', { topology }))
    const models = partsOf(await completed('gossip', disturbed(topology, seed), random.below(2 * clients * rounds)))
    if (models !== undisturbed)
      throw new Error(`gossip of ${clients} clients has the models ${models}, and ${undisturbed} undisturbed`)
  }

  /** A seed gives an asynchronous job the same models twice, also where other trainings take longer. */
  async function checkAsynchronous(): Promise<void> {
    for (const [name, topologyOf] of Object.entries(ordered)) {
      const topology = topologyOf(clients, (below) => random.below(below))
      const strategy = fedBuff({ bufferSize: 1 + random.below(3), concurrency: 1 + random.below(4) })
      const faultAt = random.below(2 * clients * rounds)
      const run = async (isSlow: (training: number) => boolean) =>
        modelsOf(await completed(name, { ...disturbed(topology, seed), strategy, rounds: 4 }, faultAt, isSlow))
      const [first, second] = [await run(() => false), await run((training) => training % 2 === 0)]
      if (first !== second) throw new Error(`${name} of ${clients} clients has the models ${first}, and then ${second}`)
    }
  }

  async function completed(
    name: string,
    options: RehearsalOptions,
    faultAt?: number,
    isSlow?: (training: number) => boolean,
  ): Promise<Rehearsal> {
    let trainings = 0
    const beforeTraining = async () => {
      const training = trainings++
      if (isSlow?.(training)) await setImmediate()
      if (training === faultAt) throw new Error('a passing fault')
    }
    const run = await rehearse({ rounds, seed, pool: tinyPool({ clients, seed, beforeTraining }), ...options })
    if (run.state === 'completed') return run
    throw new Error(`${name} of ${clients} clients ended ${run.state}: ${String(run.cause)}`)
  }
}

/** A round that was interrupted may be told twice. */
function modelsOf({ rounds: committed }: Pick<Rehearsal, 'rounds'>): string {
  return [...new Set(committed.map(({ round, hash }) => `${round} ${hash}`))].join()
}

/** The models of a job with several a round, in the order of their names. */
function partsOf({ rounds: committed }: Rehearsal): string {
  return [...new Set(committed.map(({ part, round, hash }) => `${part} ${round} ${hash}`))].toSorted().join()
}
