import { randomStream } from '../random/random-stream.ts'
import type { Task } from '../tag/expand.ts'
import { funcTagsOf, type Schema } from '../tag/schema.ts'
import { topologies } from '../tag/topologies.ts'
import { type Algorithm, awaitedOf } from './algorithm.ts'
import { strategyError } from './errors.ts'
import { namedPopulation } from './population.ts'

/**
 * A role between trainers and the top, which passes sums on: aggregates below and uploads above. Undefined if the
 * topology has none.
 */
function summingRole(schema: Schema): string | undefined {
  return roleWith(schema, 'aggregate', 'upload')
}

/** Whether a server has a part of the model that clients train: `serveSplit`. */
export function splitsModel(schema: Schema): boolean {
  return roleWith(schema, 'serveSplit') !== undefined
}

/** The first role with all of these tags. */
function roleWith(schema: Schema, ...tags: readonly string[]): string | undefined {
  return schema.roles.map(({ name }) => name).find((role) => tags.every((tag) => tagsOf(schema, role).includes(tag)))
}

function tagsOf({ channels }: Schema, role: string): readonly string[] {
  return channels.flatMap((channel) => funcTagsOf(channel, role))
}

/** The reason for which an algorithm's parts don't go together, in any topology. */
function partsMisfit({ name, waiting, server, select }: Algorithm): string | undefined {
  if (waiting.kind !== 'buffer') return undefined
  const isAsynchronous = `${name} is asynchronous, without rounds`
  if (select.candidates) return `${isAsynchronous} before which its selector could ask; choose the selector fedbuff`
  if (select.remember) return `${isAsynchronous} that its selector could learn from; choose the selector fedbuff`
  if (server.remember) return `${isAsynchronous} that its sampler could learn from; leave the sampler out`
  if (server.hear || server.train) return `${isAsynchronous} that its server prepares; choose an algorithm with rounds`
  return undefined
}

/** The reason for which an algorithm can't run on a topology. Undefined if it can. */
export function topologyMisfit(algorithm: Algorithm, schema: Schema): string | undefined {
  if (splitsModel(schema)) return splitMisfit(algorithm)
  const { name, aggregation, waiting, clientEvaluation, server, select } = algorithm
  const gathering = roleWith(schema, 'gatherActivations')
  if (gathering !== undefined || algorithm.vertical) return verticalMisfit(algorithm, gathering)
  const gossiping = roleWith(schema, 'gossip')
  if (gossiping !== undefined) return gossipMisfit(algorithm, gossiping)
  const parts = partsMisfit(algorithm)
  if (parts !== undefined) return parts
  const learning = select.remember && !select.candidates ? 'selector' : server.remember && 'sampler'
  const ringRole = roleWith(schema, 'ring_allreduce')
  if (ringRole !== undefined) {
    if (aggregation.needs === 'each') return `${name} needs each contribution, and the ring of ${ringRole} sums them`
    if (waiting.kind === 'buffer') return `${name} is asynchronous, and the ring of ${ringRole} goes round by round`
    const hasAggregator = tagsOf(schema, ringRole).includes('upload')
    if (learning) return `the ${learning} of ${name} learns from each update, and the ring of ${ringRole} sums them`
    if (select.candidates && !hasAggregator)
      return `the selector of ${name} asks clients before each round, and the ring of ${ringRole} has no aggregator that asks`
    if (server.spent && !hasAggregator)
      return `privacy needs a server that adds noise and keeps the account, and the ring of ${ringRole} has none`
    if (server.hear && !hasAggregator)
      return `${name} asks clients before each round, and the ring of ${ringRole} has no aggregator that asks`
    if (clientEvaluation !== undefined && !hasAggregator)
      return `the clients of a ring do not evaluate on their own, as ${name} asks`
  }
  const role = summingRole(schema)
  if (role === undefined) return undefined
  if (aggregation.needs === 'each') return `${name} needs each contribution, and the role ${role} passes sums on`
  if (learning) return `the ${learning} of ${name} learns from each update, and the role ${role} passes sums on`
  return undefined
}

/** The reason for which an algorithm can't train a model of which each end has a part. */
function splitMisfit(algorithm: Algorithm): string | undefined {
  const { name, aggregation, waiting, client, clientEvaluation, server, select, stages } = algorithm
  const there = 'no end of a split model has one'
  const instead = 'use fedavg, fedavgm, or an adaptive server optimizer such as fedadam'
  if (aggregation.needs === 'each') return `${name} needs each update of a whole model, and ${there}: ${instead}`
  if (waiting.kind === 'buffer') return `${name} fills a buffer, and a split model is trained in rounds: ${instead}`
  if (server.spent || algorithm.secret)
    return `privacy bounds updates of a whole model, and ${there}: leave the privacy out`
  if (stages.length > 0)
    return `the stages of ${name} change updates of a whole model, and ${there}: leave out ${stages.map((stage) => stage.name).join(', ')}`
  if (select.remember)
    return `the selector of ${name} learns from each update of a whole model, and ${there}: use the selector random`
  if (clientEvaluation !== undefined)
    return `clients would evaluate a whole model, and ${there}: leave clientEvaluation out`
  const isPlain = client.plain !== undefined && !client.init && !server.assign && !server.hear
  if (!isPlain || aggregation.shared || Object.keys(aggregation.vectors).length > 1)
    return `the clients of ${name} train a whole model in a way of their own, and ${there}: ${instead}`
  return undefined
}

/** The reason for which the ends of a role can't gossip with an algorithm: it needs a server. */
function gossipMisfit({ name, aggregation, waiting, server, select }: Algorithm, role: string): string | undefined {
  const there = `${role} gossips`
  if (aggregation.needs === 'each') return `${name} needs each contribution at a server, and ${there}`
  if (waiting.kind === 'buffer') return `${name} fills a buffer at a server, and ${there}`
  if (Object.keys(aggregation.vectors).length > 1)
    return `${name} sums ${Object.keys(aggregation.vectors).join(' and ')} at a server, and ${there}`
  if (select.remember) return `the selector of ${name} learns from each update at a server, and ${there}`
  if (server.spent) return `privacy needs a server that adds noise and keeps the account, and ${there}`
  if (server.hear) return `${name} asks clients before each round from a server, and ${there}`
  if (holdsState(server.init({ tensors: [], size: 0 })))
    return `${name} keeps a state at a server, and ${there}: use fedavg or fedprox`
  if (waiting.quorum < 1 || waiting.closesAt !== undefined)
    return `a quorum counts updates at a server, and ${there}: set deadlineMs in place of quorum`
  if (waiting.minimumUpdates > 1)
    return `minimumUpdates counts updates at a server, and ${there}: leave minimumUpdates out`
  return undefined
}

/** Whether a server's state has any value, by itself or in the parts of its stages. */
function holdsState(state: unknown): boolean {
  if (state === null || state === undefined) return false
  const isPlain = Array.isArray(state) || Object.getPrototypeOf(state) === Object.prototype
  return !isPlain || Object.values(state).some(holdsState)
}

/** `gathering`: the role that gathers the values of the parties, if the topology is vertical. */
function verticalMisfit({ name, vertical, stages, secret, aggregation }: Algorithm, gathering: string | undefined) {
  if (gathering === undefined)
    return `${name} trains parts of one model at parties with different columns, and no role of the topology gathers their values: set topology=vertical`
  if (!vertical)
    return `${name} aggregates updates of one model, and the parties of ${gathering} have a part of the model each: set optimizer=vertical`
  if (stages.length > 0 || secret || aggregation.needs === 'each')
    return `stages, privacy and attacks change updates, and the parties of ${gathering} send none: leave them out`
  return undefined
}

/** Names of the ready-made topologies on which an algorithm can run. */
export function fittingTopologies(algorithm: Algorithm): readonly string[] {
  return Object.entries(topologies).flatMap(([name, make]) =>
    topologyMisfit(algorithm, make({ clients: 4 }).schema) === undefined ? [name] : [],
  )
}

/** @throws STRATEGY_TOPOLOGY where an algorithm can't run on a topology. */
export function requireTopology(algorithm: Algorithm, schema: Schema): void {
  const reason = topologyMisfit(algorithm, schema)
  if (reason === undefined) return
  throw strategyError('STRATEGY_TOPOLOGY', { reason, fitting: fittingTopologies(algorithm).join(', ') })
}

/** Number of selections that are tried, since a selector may select more ends in one round than in another. */
const triedSelections = 8

/**
 * The reason for which no round of an algorithm can count the updates that it needs. Undefined if a round can. `trainers`
 * is the number of trainers from which the aggregator selects.
 */
export function updatesMisfit(
  { name, select, waiting }: Algorithm,
  schema: Schema,
  trainers: number,
): string | undefined {
  if (waiting.kind !== 'quorum' || waiting.minimumUpdates <= 1) return undefined
  const ends = Array.from({ length: trainers }, (_, index) => `trainer-${index}`).toSorted()
  const population = namedPopulation(ends)
  const selections = Array.from(
    { length: triedSelections },
    (_, seed) => select.select(population, randomStream(seed)).length,
  )
  const selected = Math.max(...selections)
  // With middle aggregators each group has its own quorum, and more updates may be counted in all.
  const counted = summingRole(schema) === undefined ? awaitedOf(waiting, selected) : selected
  if (counted >= waiting.minimumUpdates) return undefined
  const awaited = counted < selected ? `, of which a round awaits ${counted}` : ''
  return `${name} needs ${waiting.minimumUpdates} updates a round, but selects ${selected} of ${trainers} trainers${awaited}`
}

/**
 * `trainers`: as `fewestTrainers` counts them.
 *
 * @throws STRATEGY_CLIENTS where an aggregator can't count the updates that the algorithm needs.
 */
export function requireUpdates(algorithm: Algorithm, schema: Schema, trainers: () => number): void {
  const { waiting } = algorithm
  if (waiting.kind !== 'quorum' || waiting.minimumUpdates <= 1) return
  const reason = updatesMisfit(algorithm, schema, trainers())
  if (reason !== undefined) throw strategyError('STRATEGY_CLIENTS', { reason })
}

type PlacedTask = Pick<Task, 'role' | 'dataset' | 'groupAssociation'>

/** Number of trainers in the smallest group from which a topmost aggregator selects. */
export function fewestTrainers({ channels }: Schema, tasks: readonly PlacedTask[]): number {
  const uploads = (role: string) => channels.some((channel) => funcTagsOf(channel, role).includes('upload'))
  const trainers = tasks.filter(({ dataset }) => dataset !== undefined)
  const counts = channels.flatMap(({ name, pair, ...channel }) => {
    const joined = trainers.filter(({ role }) => pair.includes(role))
    const sizes = new Map<string | undefined, number>()
    for (const { groupAssociation } of joined)
      sizes.set(groupAssociation[name], (sizes.get(groupAssociation[name]) ?? 0) + 1)
    return tasks
      .filter(({ role }) => joined.length > 0 && funcTagsOf(channel, role).includes('aggregate') && !uploads(role))
      .map(({ groupAssociation }) => sizes.get(groupAssociation[name]) ?? 0)
  })
  return counts.length === 0 ? trainers.length : Math.min(...counts)
}
