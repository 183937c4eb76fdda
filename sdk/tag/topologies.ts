import { tagError } from './errors.ts'
import { defaultGraph } from './gossip-graph.ts'
import type { GroupAssociation, SchemaChannel } from './schema.ts'
import type { Topology } from './topology.ts'

const upward = ['fetch', 'upload']
const downward = ['distribute', 'aggregate']
const trainer = { name: 'trainer', isDataConsumer: true } as const

/** Trainers below one aggregator. Trainer i trains on dataset i. */
export function twoTier({ clients }: { readonly clients: number }): Topology {
  return {
    schema: {
      name: 'two-tier',
      roles: [{ name: 'top-aggregator' }, trainer],
      channels: [tier('param-channel', 'top-aggregator', 'trainer')],
    },
    dataSpec: [{ role: 'trainer', datasetGroups: { default: datasets(0, clients) } }],
  }
}

/**
 * Groups of trainers, each below its own aggregator, and one aggregator above these. With 3 levels of aggregators, the
 * groups' aggregators are leaf aggregators, every two of which are below a middle one. Trainer i trains on dataset i.
 *
 * @throws TAG_LEVELS for a number of levels other than 2 and 3.
 */
export function hierarchical({
  clients,
  levels = 2,
  groups = Math.min(2 ** (levels - 1), clients),
}: {
  readonly clients: number
  readonly levels?: number
  readonly groups?: number
}): Topology {
  if (levels !== 2 && levels !== 3) throw tagError('TAG_LEVELS', { levels })
  const names = numbered('group', groups)
  const regions = numbered('region', Math.ceil(groups / 2))
  const lowest = levels === 2 ? 'middle-aggregator' : 'leaf-aggregator'
  const above = (index: number): GroupAssociation =>
    levels === 2 ? { 'global-channel': 'default' } : { 'hier-channel': regions[Math.floor(index / 2)] ?? '' }
  const lower = names.map((name, index) => ({ ...above(index), 'param-channel': name }))
  const middle = regions.map((region) => ({ 'global-channel': 'default', 'hier-channel': region }))
  return {
    schema: {
      name: 'hierarchical',
      roles: [
        { name: 'top-aggregator' },
        ...(levels === 3 ? [{ name: 'middle-aggregator', groupAssociation: middle }] : []),
        { name: lowest, groupAssociation: lower },
        { ...trainer, groupAssociation: names.map((name) => ({ 'param-channel': name })) },
      ],
      channels: [
        tier('global-channel', 'top-aggregator', 'middle-aggregator'),
        ...(levels === 3 ? [tier('hier-channel', 'middle-aggregator', lowest, regions)] : []),
        tier('param-channel', lowest, 'trainer', names),
      ],
    },
    dataSpec: [{ role: 'trainer', datasetGroups: dealt(names, clients) }],
  }
}

/** Groups of trainers, each below its own aggregator, and nothing above these: each group makes a model of its own. */
export function parallel({
  clients,
  groups = Math.min(2, clients),
}: {
  readonly clients: number
  readonly groups?: number
}): Topology {
  const names = numbered('group', groups)
  const groupAssociation = names.map((name) => ({ 'param-channel': name }))
  return {
    schema: {
      name: 'parallel',
      roles: [
        { name: 'aggregator', groupAssociation },
        { ...trainer, groupAssociation },
      ],
      channels: [tier('param-channel', 'aggregator', 'trainer', names)],
    },
    dataSpec: [{ role: 'trainer', datasetGroups: dealt(names, clients) }],
  }
}

/**
 * One group of trainers below several aggregators that share its work, and one aggregator above these, which deals out
 * the trainers anew each round.
 */
export function replicated({
  clients,
  replicas = 2,
}: {
  readonly clients: number
  readonly replicas?: number
}): Topology {
  return {
    schema: {
      name: 'replicated',
      roles: [{ name: 'top-aggregator' }, { name: 'middle-aggregator', replica: replicas }, trainer],
      channels: [
        tier('global-channel', 'top-aggregator', 'middle-aggregator'),
        tier('param-channel', 'middle-aggregator', 'trainer'),
      ],
    },
    dataSpec: [{ role: 'trainer', datasetGroups: { default: datasets(0, clients) } }],
  }
}

/**
 * Trainers that sum among themselves, without an aggregator: every one has the model. With several groups, each is a
 * ring that makes a model of its own.
 */
export function ring({ clients, groups = 1 }: { readonly clients: number; readonly groups?: number }): Topology {
  const names = numbered('group', groups)
  const isOne = groups === 1
  return {
    schema: {
      name: 'ring',
      roles: [isOne ? trainer : { ...trainer, groupAssociation: names.map((name) => ({ 'ring-channel': name })) }],
      channels: [ringOf(isOne ? undefined : names)],
    },
    dataSpec: [{ role: 'trainer', datasetGroups: isOne ? { default: datasets(0, clients) } : dealt(names, clients) }],
  }
}

/**
 * Groups of trainers, each of which sums in a ring of its own, all below one aggregator, which gets one sum from each
 * ring.
 */
export function hybrid({
  clients,
  groups = Math.min(2, clients),
}: {
  readonly clients: number
  readonly groups?: number
}): Topology {
  const names = numbered('group', groups)
  return {
    schema: {
      name: 'hybrid',
      roles: [
        { name: 'top-aggregator' },
        { ...trainer, groupAssociation: names.map((name) => ({ 'global-channel': 'default', 'ring-channel': name })) },
      ],
      channels: [tier('global-channel', 'top-aggregator', 'trainer'), ringOf(names)],
    },
    dataSpec: [{ role: 'trainer', datasetGroups: dealt(names, clients) }],
  }
}

/**
 * Trainers without an aggregator, each with a model of its own, which it averages with its neighbours in a graph: `full`,
 * `ring`, `torus`, `regular:d`, or `regular:d:each-round`. Asynchronous: with one neighbour after each training, without
 * rounds that ends have in common.
 */
export function gossip({
  clients,
  graph = defaultGraph,
  asynchronous = false,
}: {
  readonly clients: number
  readonly graph?: string
  readonly asynchronous?: boolean
}): Topology {
  const tags = asynchronous ? ['gossip', 'gossipPairs'] : ['gossip']
  return {
    schema: {
      name: 'gossip',
      roles: [trainer],
      channels: [{ name: 'gossip-channel', pair: ['trainer', 'trainer'], funcTags: { trainer: tags }, graph }],
    },
    dataSpec: [{ role: 'trainer', datasetGroups: { default: datasets(0, clients) } }],
  }
}

/** As `replicated`, with a coordinator that pairs the trainers with the aggregators anew each round. */
export function coordinated({
  clients,
  replicas = 2,
}: {
  readonly clients: number
  readonly replicas?: number
}): Topology {
  const { schema, dataSpec } = replicated({ clients, replicas })
  const control = (name: string, role: string, tag: string): SchemaChannel => ({
    name,
    pair: ['coordinator', role],
    funcTags: { coordinator: [tag], [role]: ['coordinate'] },
  })
  return {
    schema: {
      name: 'coordinated',
      roles: [...schema.roles, { name: 'coordinator' }],
      channels: [
        ...schema.channels,
        control('coordinator-top', 'top-aggregator', 'coordinateWithTopAgg'),
        control('coordinator-middle', 'middle-aggregator', 'coordinateWithMidAgg'),
        control('coordinator-trainer', 'trainer', 'coordinateWithTrainer'),
      ],
    },
    dataSpec,
  }
}

/**
 * Parties that have different columns of one table, each with a part of one model: a label holder, with dataset 0, and
 * feature holders. The others' datasets are in the order of their ends' names, which is that of their parts.
 *
 * @throws TAG_PARTIES for fewer than 2 parties.
 */
export function vertical({ parties }: { readonly parties: number }): Topology {
  if (!(Number.isInteger(parties) && parties >= 2)) throw tagError('TAG_PARTIES', { parties })
  const ends = Array.from({ length: parties - 1 }, (_, index) => `feature-holder-${index}`)
  const byName = ends.toSorted()
  return {
    schema: {
      name: 'vertical',
      isVertical: true,
      roles: [
        { name: 'label-holder', isDataConsumer: true },
        { name: 'feature-holder', isDataConsumer: true },
      ],
      channels: [
        {
          name: 'vertical-channel',
          pair: ['label-holder', 'feature-holder'],
          funcTags: {
            'label-holder': ['matchEntities', 'gatherActivations'],
            'feature-holder': ['presentEntities', 'sendActivations'],
          },
        },
      ],
    },
    dataSpec: [
      { role: 'label-holder', datasetGroups: { default: ['0'] } },
      { role: 'feature-holder', datasetGroups: { default: ends.map((end) => String(1 + byName.indexOf(end))) } },
    ],
  }
}

/**
 * A model that is cut: clients have the lower part, a server has the upper part and trains it with them, batch by batch,
 * and an aggregator sums the clients' parts. The settings `splitSettings` say where the model is cut, and how it's
 * trained. Trainer i trains on dataset i.
 *
 * @see Thapa et al., SplitFed: when federated learning meets split learning, AAAI 2022.
 */
export function split({ clients }: { readonly clients: number }): Topology {
  const control = (name: string, pair: readonly [string, string], tags: readonly [string, string]): SchemaChannel => ({
    name,
    pair,
    funcTags: { [pair[0]]: [tags[0]], [pair[1]]: [tags[1]] },
  })
  return {
    schema: {
      name: 'split',
      roles: [{ name: 'aggregator' }, { name: 'split-server' }, trainer],
      channels: [
        tier('bottom-channel', 'aggregator', 'trainer'),
        control('split-channel', ['split-server', 'trainer'], ['serveSplit', 'trainSplit']),
        control('top-channel', ['aggregator', 'split-server'], ['gatherTop', 'uploadTop']),
      ],
    },
    dataSpec: [{ role: 'trainer', datasetGroups: { default: datasets(0, clients) } }],
  }
}

interface TopologyOptions {
  readonly clients: number
  readonly levels?: number
  readonly graph?: string
  readonly asynchronous?: boolean
}

/** The ready-made topologies, by the names that a setting `topology` has for them. */
export const topologies = {
  'two-tier': twoTier,
  hierarchical,
  parallel,
  replicated,
  ring,
  hybrid,
  coordinated,
  gossip,
  vertical: ({ clients }) => vertical({ parties: clients }),
  split,
} as const satisfies Readonly<Record<string, (options: TopologyOptions) => Topology>>

/** A channel on which the ends of one role aggregate what those of another upload. */
function tier(name: string, above: string, below: string, groups?: readonly string[]): SchemaChannel {
  return {
    name,
    pair: [above, below],
    ...(groups && { groupBy: { type: 'tag' as const, value: groups } }),
    funcTags: { [above]: downward, [below]: upward },
  }
}

/** A channel that joins trainers with each other. */
function ringOf(groups?: readonly string[]): SchemaChannel {
  return {
    name: 'ring-channel',
    pair: ['trainer', 'trainer'],
    ...(groups && { groupBy: { type: 'tag' as const, value: groups } }),
    funcTags: { trainer: ['ring_allreduce'] },
  }
}

/** Names in alphabetical order. */
function numbered(name: string, count: number): readonly string[] {
  const digits = String(count - 1).length
  return Array.from({ length: count }, (_, index) => `${name}-${String(index).padStart(digits, '0')}`)
}

/** Deals datasets out to groups, whose sizes differ by at most 1. */
function dealt(groups: readonly string[], clients: number): Readonly<Record<string, readonly string[]>> {
  const start = (group: number) => Math.floor((group * clients) / groups.length)
  return Object.fromEntries(groups.map((name, index) => [name, datasets(start(index), start(index + 1))]))
}

function datasets(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, index) => String(from + index))
}
