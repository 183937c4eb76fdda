import test from 'ava'
import {
  type Algorithm,
  expand,
  fedBuff,
  type Schema,
  type SchemaChannel,
  type SchemaRole,
  type Topology,
} from '../index.ts'
import { assertValid } from '../tag/validate.ts'
import { rehearse } from '../testing/index.ts'

const down = ['distribute', 'aggregate']
const up = ['fetch', 'upload']

/** A channel as Flame's schemas write them: always with groups. */
function channel(
  name: string,
  [first, tags]: readonly [string, readonly string[]],
  [second, others]: readonly [string, readonly string[]],
  groups: readonly string[] = ['default'],
): SchemaChannel {
  return {
    name,
    pair: [first, second],
    groupBy: { type: 'tag', value: groups },
    funcTags: { [first]: tags, ...(second !== first && { [second]: others }) },
  }
}

const trainer = (...groupAssociation: readonly Readonly<Record<string, string>>[]): SchemaRole => ({
  name: 'trainer',
  isDataConsumer: true,
  groupAssociation,
})
const regions = ['eu', 'na']
const twoTier: Schema = {
  name: 'mnist',
  roles: [trainer({ 'param-channel': 'us' }), { name: 'aggregator', groupAssociation: [{ 'param-channel': 'us' }] }],
  channels: [channel('param-channel', ['aggregator', down], ['trainer', up], ['us'])],
}
const hierarchical: Schema = {
  name: 'hier_mnist',
  roles: [
    trainer(...regions.map((region) => ({ 'param-channel': region }))),
    {
      name: 'middle-aggregator',
      groupAssociation: regions.map((region) => ({ 'param-channel': region, 'global-channel': 'default' })),
    },
    { name: 'top-aggregator', groupAssociation: [{ 'global-channel': 'default' }] },
  ],
  channels: [
    channel('param-channel', ['middle-aggregator', down], ['trainer', up], regions),
    channel('global-channel', ['top-aggregator', down], ['middle-aggregator', up]),
  ],
}
const shared: Schema = {
  name: 'load-balanced',
  roles: [
    trainer({ 'param-channel': 'default' }),
    {
      name: 'middle-aggregator',
      replica: 2,
      groupAssociation: [{ 'param-channel': 'default', 'global-channel': 'default' }],
    },
    { name: 'top-aggregator', groupAssociation: [{ 'global-channel': 'default' }] },
  ],
  channels: [
    channel('param-channel', ['middle-aggregator', down], ['trainer', up]),
    channel('global-channel', ['top-aggregator', down], ['middle-aggregator', up]),
  ],
}

interface FlameSchema {
  readonly schema: Schema
  readonly groups: Readonly<Record<string, number>>
  readonly strategy?: Algorithm
}

const asynchronous = fedBuff({ bufferSize: 1, concurrency: 2 })

/** Flame's schemas by their shapes, peculiarities included, and the datasets of their groups. */
const schemas: Readonly<Record<string, FlameSchema>> = {
  'two tiers with an aggregator': { schema: twoTier, groups: { us: 3 } },
  'two tiers with ten trainers': { schema: twoTier, groups: { us: 10 } },
  hierarchical: { schema: hierarchical, groups: { eu: 2, na: 2 } },
  'hierarchical and asynchronous': { schema: hierarchical, groups: { eu: 2, na: 2 }, strategy: asynchronous },
  'load-balanced and asynchronous': { schema: shared, groups: { default: 4 }, strategy: asynchronous },
  parallel: {
    schema: {
      name: 'parallel_experiment',
      roles: [
        trainer(...['a', 'b', 'c'].map((group) => ({ 'param-channel': group }))),
        { name: 'aggregator', groupAssociation: ['a', 'b', 'c'].map((group) => ({ 'param-channel': group })) },
      ],
      channels: [channel('param-channel', ['aggregator', down], ['trainer', up], ['a', 'b', 'c'])],
    },
    groups: { a: 2, b: 1, c: 2 },
  },
  'ring, without any aggregator': {
    schema: {
      name: 'a ring with MQTT',
      roles: [trainer({ 'param-channel': 'us' })],
      channels: [channel('param-channel', ['trainer', ['ring_allreduce']], ['trainer', []], ['us'])],
    },
    groups: { us: 3 },
  },
  'hybrid, with a backend for each channel': {
    schema: {
      name: 'hybrid',
      roles: [
        trainer(
          { 'param-channel': 'us', 'global-channel': 'default' },
          { 'param-channel': 'eu', 'global-channel': 'default' },
        ),
        { name: 'aggregator', replica: 1, groupAssociation: [{ 'global-channel': 'default' }] },
      ],
      channels: [
        { ...channel('param-channel', ['trainer', ['ring_allreduce']], ['trainer', []], ['eu', 'us']), backend: 'p2p' },
        { ...channel('global-channel', ['trainer', up], ['aggregator', down]), backend: 'mqtt' },
      ],
    },
    groups: { eu: 2, us: 3 },
  },
  'coordinated, whose associations leave coordination channels out': {
    schema: {
      ...shared,
      roles: [
        {
          name: 'coordinator',
          groupAssociation: [{ 'coord-top': 'default', 'coord-middle': 'default', 'coord-trainer': 'default' }],
        },
        ...shared.roles,
      ],
      channels: [
        channel('coord-top', ['top-aggregator', ['coordinate']], ['coordinator', ['coordinateWithTopAgg']]),
        channel('coord-middle', ['middle-aggregator', ['coordinate']], ['coordinator', ['coordinateWithMidAgg']]),
        channel('coord-trainer', ['trainer', ['coordinate']], ['coordinator', ['coordinateWithTrainer']]),
        ...shared.channels,
      ],
    },
    groups: { default: 3 },
  },
}

for (const [name, { schema, groups, strategy }] of Object.entries(schemas))
  test(`a schema of Flame runs as it is: ${name}`, async (t) => {
    let dataset = 0
    const datasetGroups = Object.fromEntries(
      Object.entries(groups).map(([group, count]) => [group, Array.from({ length: count }, () => `${dataset++}`)]),
    )
    const topology: Topology = { schema, dataSpec: [{ role: 'trainer', datasetGroups }] }
    t.notThrows(() => assertValid(topology))
    for (const { channels, groupAssociation } of expand(topology, { jobId: 'job', newKey: () => '' }))
      t.deepEqual(Object.keys(groupAssociation).toSorted(), channels.map((each) => each.name).toSorted())
    const { state, cause, rounds } = await rehearse({ topology, rounds: 2, ...(strategy && { strategy }) })
    t.is(state, 'completed', String(cause))
    if (strategy)
      t.deepEqual(
        rounds.map(({ round }) => round),
        [1, 2],
      )
    else t.is(new Set(rounds.filter(({ round }) => round === 2).flatMap(({ members }) => members)).size, dataset)
  })
