import test from 'ava'
import { type FaultCode, type TopologyFacts, tagFaults } from './errors.ts'
import type { Schema, SchemaChannel, SchemaRole } from './schema.ts'
import { hierarchical, twoTier, vertical } from './topologies.ts'
import type { DataSpecEntry, Topology } from './topology.ts'
import { assertValid, findFaults, validateTopology } from './validate.ts'

interface Change {
  readonly isVertical?: boolean
  readonly roles?: readonly SchemaRole[]
  readonly channels?: readonly SchemaChannel[]
  readonly dataSpec?: readonly DataSpecEntry[]
}

const boss: SchemaRole = { name: 'boss' }
const leaf: SchemaRole = { name: 'leaf', isDataConsumer: true }
const link: SchemaChannel = { name: 'link', pair: ['boss', 'leaf'] }
const given: DataSpecEntry = { role: 'leaf', datasetGroups: { default: ['d1'] } }
const split: SchemaChannel = { ...link, groupBy: { type: 'tag', value: ['north', 'south'] } }
const everywhere = [{ link: 'north' }, { link: 'south' }]
const both: DataSpecEntry = { role: 'leaf', datasetGroups: { north: ['d1'], south: ['d2'] } }

function topology({ dataSpec = [given], ...schema }: Change = {}): Topology {
  return { schema: { name: 's', roles: [boss, leaf], channels: [link], ...schema }, dataSpec }
}

interface Case {
  readonly code: FaultCode
  readonly place: string
  readonly change: Change
  readonly facts?: TopologyFacts
}

function gossiping(graph: string): SchemaChannel {
  return { name: 'talk', pair: ['leaf', 'leaf'], funcTags: { leaf: ['gossip'] }, graph }
}

const csv = { dataFormat: 'csv' }
const cases: readonly Case[] = [
  {
    code: 'TAG_NAME_INVALID',
    place: 'schema.channels.0.name',
    change: { channels: [{ ...link, name: 'the link' }] },
  },
  { code: 'TAG_NAME_TAKEN', place: 'schema.roles.2.name', change: { roles: [boss, leaf, boss] } },
  { code: 'TAG_NAME_TAKEN', place: 'schema.channels.1.name', change: { channels: [link, link] } },
  {
    code: 'TAG_NAME_TAKEN',
    place: 'schema.channels.0.groupBy.value.1',
    change: {
      channels: [{ ...link, groupBy: { type: 'tag', value: ['north', 'north'] } }],
      roles: [
        { ...boss, groupAssociation: [{ link: 'north' }] },
        { ...leaf, groupAssociation: [{ link: 'north' }] },
      ],
      dataSpec: [{ role: 'leaf', datasetGroups: { north: ['d1'] } }],
    },
  },
  {
    code: 'TAG_PAIR_LENGTH',
    place: 'schema.channels.1.pair',
    change: { channels: [link, { name: 'three', pair: ['boss', 'leaf', 'boss'] }] },
  },
  {
    code: 'TAG_ROLE_UNKNOWN',
    place: 'schema.channels.1.pair',
    change: { channels: [link, { name: 'other', pair: ['boss', 'nobody'] }] },
  },
  {
    code: 'TAG_ROLE_UNKNOWN',
    place: 'schema.channels.0.funcTags.nobody',
    change: { channels: [{ ...link, funcTags: { nobody: ['fetch'] } }] },
  },
  {
    code: 'TAG_ROLE_UNKNOWN',
    place: 'dataSpec.1.role',
    change: { dataSpec: [given, { role: 'nobody', datasetGroups: {} }] },
  },
  {
    code: 'TAG_CHANNEL_NOT_JOINED',
    place: 'schema.channels.0.funcTags.aide',
    change: {
      roles: [boss, leaf, { name: 'aide' }],
      channels: [
        { ...link, funcTags: { aide: ['fetch'] } },
        { name: 'side', pair: ['boss', 'aide'] },
      ],
    },
  },
  {
    code: 'TAG_CHANNEL_NOT_JOINED',
    place: 'schema.roles.0.groupAssociation.0.side',
    change: {
      roles: [{ ...boss, groupAssociation: [{ link: 'default', side: 'default' }] }, leaf, { name: 'aide' }],
      channels: [link, { name: 'side', pair: ['leaf', 'aide'] }],
    },
  },
  {
    code: 'TAG_CHANNEL_UNKNOWN',
    place: 'schema.roles.0.groupAssociation.0.lonk',
    change: { roles: [{ ...boss, groupAssociation: [{ link: 'default', lonk: 'default' }] }, leaf] },
  },
  {
    code: 'TAG_ASSOCIATION_INCOMPLETE',
    place: 'schema.roles.0.groupAssociation.1',
    change: {
      channels: [split],
      roles: [
        { ...boss, groupAssociation: [...everywhere.slice(1), {}, { link: 'north' }] },
        { ...leaf, groupAssociation: everywhere },
      ],
      dataSpec: [both],
    },
  },
  {
    code: 'TAG_GROUP_UNKNOWN',
    place: 'schema.roles.0.groupAssociation.1.link',
    change: { roles: [{ ...boss, groupAssociation: [{ link: 'default' }, { link: 'west' }] }, leaf] },
  },
  {
    code: 'TAG_GROUP_AMBIGUOUS',
    place: 'schema.roles.1',
    change: {
      channels: [split],
      roles: [
        { ...boss, groupAssociation: everywhere },
        { ...leaf, isDataConsumer: false },
        { name: 'data', isDataConsumer: true },
      ],
    },
  },
  {
    code: 'TAG_GROUP_ONE_SIDED',
    place: 'schema.channels.0',
    change: {
      channels: [split],
      roles: [
        { ...boss, groupAssociation: [{ link: 'north' }] },
        { ...leaf, groupAssociation: everywhere },
      ],
      dataSpec: [both],
    },
  },
  {
    code: 'TAG_GROUP_ONE_SIDED',
    place: 'schema.channels.0',
    change: {
      channels: [split],
      roles: [
        { ...boss, groupAssociation: everywhere },
        { ...leaf, groupAssociation: everywhere },
      ],
      dataSpec: [{ role: 'leaf', datasetGroups: { north: ['d1'], south: [] } }],
    },
  },
  {
    code: 'TAG_GROUP_DEPTH',
    place: 'schema.channels.1.groupBy',
    change: {
      roles: [
        leaf,
        {
          name: 'relay',
          groupAssociation: [
            { link: 'default', up: 'a' },
            { link: 'default', up: 'b' },
          ],
        },
        { ...boss, groupAssociation: [{ up: 'a' }, { up: 'b' }] },
      ],
      channels: [
        { name: 'link', pair: ['relay', 'leaf'] },
        { name: 'up', pair: ['boss', 'relay'], groupBy: { type: 'tag', value: ['a', 'b'] } },
      ],
    },
  },
  { code: 'TAG_ROLE_ISOLATED', place: 'schema.roles.2', change: { roles: [boss, leaf, { name: 'hermit' }] } },
  {
    code: 'TAG_ROLE_ISOLATED',
    place: 'schema.roles.2',
    change: {
      roles: [boss, leaf, { name: 'circle' }],
      channels: [link, { name: 'own', pair: ['circle', 'circle'] }],
    },
  },
  { code: 'TAG_REPLICA', place: 'schema.roles.1.replica', change: { roles: [boss, { ...leaf, replica: 2 }] } },
  {
    code: 'TAG_REPLICA',
    place: 'schema.roles.0.replica',
    change: {
      roles: [{ ...boss, replica: 2 }, leaf],
      channels: [{ ...link, funcTags: { boss: ['coordinateWithLeaf'], leaf: ['coordinate'] } }],
    },
  },
  {
    code: 'TAG_TASKS',
    place: 'schema.roles.0.replica',
    change: { roles: [{ ...boss, replica: 11 }, leaf] },
    facts: { mostTasks: 10 },
  },
  {
    code: 'TAG_TASKS',
    place: 'dataSpec',
    change: {
      roles: [{ ...boss, replica: 9 }, leaf],
      dataSpec: [{ ...given, datasetGroups: { default: ['a', 'b'] } }],
    },
    facts: { mostTasks: 10 },
  },
  {
    code: 'TAG_JOINS',
    place: 'schema.channels',
    change: {
      roles: [{ ...boss, replica: 2 }, leaf],
      channels: Array.from({ length: 30 }, (_, index) => ({ ...link, name: `c${index}` })),
    },
    facts: { mostTasks: 4 },
  },
  {
    code: 'TAG_NAME_INVALID',
    place: 'schema.roles.2.name',
    change: { roles: [boss, leaf, { name: '..' }], channels: [link, { name: 'up', pair: ['boss', '..'] }] },
  },
  {
    code: 'TAG_GROUP_NAME',
    place: 'schema.channels.0.groupBy.value.0',
    change: { channels: [{ ...link, groupBy: { type: 'tag', value: ['a\n'] } }] },
  },
  {
    code: 'TAG_NO_DATA_CONSUMER',
    place: 'schema.roles',
    change: { roles: [boss, { name: 'leaf' }], dataSpec: [] },
  },
  {
    code: 'TAG_DATA_CONSUMER_CUT_OFF',
    place: 'schema.roles.2',
    change: {
      isVertical: true,
      roles: [boss, leaf, { name: 'left', isDataConsumer: true }, { name: 'right', isDataConsumer: true }],
      channels: [link, { name: 'pair', pair: ['left', 'right'] }],
      dataSpec: [
        given,
        { role: 'left', datasetGroups: { default: ['d1'] } },
        { role: 'right', datasetGroups: { default: ['d1'] } },
      ],
    },
  },
  {
    code: 'TAG_LABEL_HOLDERS',
    place: 'dataSpec.1.datasetGroups.default',
    change: {
      isVertical: true,
      roles: [leaf, { name: 'labels', isDataConsumer: true }],
      channels: [
        { name: 'link', pair: ['leaf', 'labels'], funcTags: { labels: ['matchEntities', 'gatherActivations'] } },
      ],
      dataSpec: [given, { role: 'labels', datasetGroups: { default: ['d1', { dataset: 'd2', count: 2 }] } }],
    },
  },
  {
    code: 'TAG_DATA_CONSUMERS_JOINED',
    place: 'schema.channels.1.pair',
    change: {
      roles: [boss, leaf, { name: 'leaf2', isDataConsumer: true }],
      channels: [link, { name: 'pair', pair: ['leaf', 'leaf2'] }],
      dataSpec: [given, { role: 'leaf2', datasetGroups: { default: ['d1'] } }],
    },
  },
  {
    code: 'TAG_NOT_A_DATA_CONSUMER',
    place: 'dataSpec.1.role',
    change: { dataSpec: [given, { role: 'boss', datasetGroups: { default: ['d1'] } }] },
  },
  { code: 'TAG_NO_DATASET', place: 'schema.roles.1', change: { dataSpec: [] } },
  {
    code: 'TAG_DATASET_GROUP',
    place: 'dataSpec.0.datasetGroups.west',
    change: { dataSpec: [{ role: 'leaf', datasetGroups: { default: ['d1'], west: ['d2'] } }] },
  },
  {
    code: 'TAG_DATASET_UNKNOWN',
    place: 'dataSpec.0.datasetGroups.default.1',
    change: { dataSpec: [{ role: 'leaf', datasetGroups: { default: ['d1', 'd9'] } }] },
    facts: { datasets: new Map([['d1', csv]]) },
  },
  {
    code: 'TAG_DATASET_FORMATS',
    place: 'dataSpec.0',
    change: { dataSpec: [given, { role: 'leaf', datasetGroups: { default: ['d2'] } }] },
    facts: {
      datasets: new Map([
        ['d1', csv],
        ['d2', { dataFormat: 'idx' }],
      ]),
    },
  },
  {
    code: 'TAG_BACKEND_UNKNOWN',
    place: 'schema.channels.0.backend',
    change: { channels: [{ ...link, backend: 'pigeon' }] },
    facts: { backends: ['mqtt', 'p2p', 'ws'] },
  },
  { code: 'TAG_GRAPH_UNUSED', place: 'schema.channels.0.graph', change: { channels: [{ ...link, graph: 'ring' }] } },
  { code: 'TAG_GRAPH_UNKNOWN', place: 'schema.channels.1.graph', change: { channels: [link, gossiping('circle')] } },
  { code: 'TAG_GRAPH_SIZE', place: 'schema.channels.1.graph', change: { channels: [link, gossiping('regular:3')] } },
  { code: 'TAG_CODE_MISSING', place: 'schema.roles.0', change: {}, facts: { codeFolders: ['leaf'] } },
]

test('a minimal topology has no fault, whatever is known outside of it', (t) => {
  const facts = { datasets: new Map([['d1', csv]]), codeFolders: ['boss', 'leaf'], backends: ['ws'] }
  t.deepEqual(validateTopology(topology(), facts), [])
  t.notThrows(() => assertValid(topology(), facts))
})

test('a dataset may be named several times: then each is a client of its own', (t) => {
  const twice = topology({ dataSpec: [{ role: 'leaf', datasetGroups: { default: ['d1', 'd1'] } }] })
  t.deepEqual(validateTopology(twice, { datasets: new Map([['d1', csv]]) }), [])
})

for (const [index, { code, place, change, facts }] of cases.entries()) {
  test(`${code} is found at ${place} (case ${index})`, (t) => {
    const faults = validateTopology(topology(change), facts)
    const found = faults.find((fault) => fault.code === code && fault.place === place)
    t.truthy(found, JSON.stringify(faults))
    t.notRegex(`${found?.message} ${found?.hint}`, /[{}]|undefined/)
  })
}

test('names that all objects inherit are names like others', (t) => {
  for (const name of ['__proto__', 'constructor', 'toString']) {
    const faults = validateTopology(topology({ channels: [link, { name: 'more', pair: [name, 'leaf'] }] }))
    t.true(faults.length > 0)
    t.false(JSON.stringify(faults).includes('native code'))
  }
})

test('every fault of the table has a case', (t) => {
  t.deepEqual([...new Set(cases.map(({ code }) => code))].toSorted(), Object.keys(tagFaults).toSorted())
})

test('a fault that stands alone is named alone', (t) => {
  const alone: readonly FaultCode[] = [
    'TAG_NAME_INVALID',
    'TAG_REPLICA',
    'TAG_NO_DATASET',
    'TAG_DATASET_FORMATS',
    'TAG_DATASET_UNKNOWN',
    'TAG_BACKEND_UNKNOWN',
    'TAG_CODE_MISSING',
    'TAG_GROUP_DEPTH',
    'TAG_GROUP_ONE_SIDED',
    'TAG_DATA_CONSUMERS_JOINED',
    'TAG_NOT_A_DATA_CONSUMER',
    'TAG_ROLE_ISOLATED',
  ]
  for (const { code, change, facts } of cases) {
    if (!alone.includes(code)) continue
    t.deepEqual(
      validateTopology(topology(change), facts).map((fault) => fault.code),
      [code],
    )
  }
})

const followed: readonly { readonly title: string; readonly change: Change; readonly faults: readonly string[] }[] = [
  {
    title: 'a pair that names a role by a wrong name',
    change: { channels: [{ ...link, pair: ['bos', 'leaf'], funcTags: { bos: ['aggregate'] } }] },
    faults: ['TAG_ROLE_UNKNOWN schema.channels.0.pair'],
  },
  {
    title: 'a role without association where there are several groups',
    change: { channels: [split], roles: [{ ...boss, groupAssociation: everywhere }, leaf], dataSpec: [both] },
    faults: ['TAG_GROUP_AMBIGUOUS schema.roles.1'],
  },
  {
    title: 'an association that names its channel by a wrong name',
    change: {
      channels: [split],
      roles: [
        { ...boss, groupAssociation: [{ link: 'north' }, { lonk: 'south' }] },
        { ...leaf, groupAssociation: everywhere },
      ],
      dataSpec: [both],
    },
    faults: ['TAG_CHANNEL_UNKNOWN schema.roles.0.groupAssociation.1.lonk'],
  },
  {
    title: 'an association that names its group by a wrong name',
    change: {
      channels: [split],
      roles: [
        { ...boss, groupAssociation: everywhere },
        { ...leaf, groupAssociation: [{ link: 'north' }, { link: 'sooth' }] },
      ],
      dataSpec: [both],
    },
    faults: ['TAG_GROUP_UNKNOWN schema.roles.1.groupAssociation.1.link'],
  },
  {
    title: 'datasets of a role by a wrong name',
    change: { dataSpec: [{ role: 'leav', datasetGroups: { default: ['d1'] } }] },
    faults: ['TAG_ROLE_UNKNOWN dataSpec.0.role'],
  },
  {
    title: 'datasets where no role is a data consumer',
    change: { roles: [boss, { name: 'leaf' }] },
    faults: ['TAG_NO_DATA_CONSUMER schema.roles'],
  },
]
for (const { title, change, faults } of followed)
  test(`what follows from ${title} is not listed besides`, (t) => {
    t.deepEqual(
      validateTopology(topology(change)).map(({ code, place }) => `${code} ${place}`),
      faults,
    )
  })

test('an association that leaves out a channel with one group means that group', (t) => {
  const channels: SchemaChannel[] = [split, { name: 'up', pair: ['boss', 'leaf'] }]
  const roles = [
    { ...boss, groupAssociation: everywhere },
    { ...leaf, groupAssociation: [{ link: 'north' }, { link: 'south', up: 'default' }] },
  ]
  t.deepEqual(validateTopology(topology({ channels, roles, dataSpec: [both] })), [])
})

test('a group without ends on either side is no fault', (t) => {
  const channels: SchemaChannel[] = [{ ...split, groupBy: { type: 'tag', value: ['north', 'south', 'west'] } }]
  const roles = [boss, leaf].map((role) => ({ ...role, groupAssociation: everywhere }))
  t.deepEqual(validateTopology(topology({ channels, roles, dataSpec: [both] })), [])
})

test('of many faults a hundred are listed, and all are counted', (t) => {
  const unknown = Array.from({ length: 2000 }, (_, index) => `d${index}`)
  const broken = topology({ dataSpec: [{ role: 'leaf', datasetGroups: { default: unknown } }] })
  const { faults, count } = findFaults(broken, { datasets: new Map() })
  t.deepEqual([faults.length, count], [100, 2000])
  const error = t.throws(() => assertValid(broken, { datasets: new Map() }), { code: 'TAG_INVALID' })
  t.regex(String(error?.message), /2000:\n[^]*\n {2}and 1900 more$/)
})

test('what it takes to look at a schema grows with its size, and not with the square of that', (t) => {
  const shape = (size: number) => {
    const names = Array.from({ length: size }, (_, index) => `n${index}`)
    const channels = names.map((name) => ({ name: `c${name}`, pair: ['boss', 'leaf'] }))
    const groups: SchemaChannel = { name: 'groups', pair: ['boss', 'leaf'], groupBy: { type: 'tag', value: names } }
    const groupAssociation = names.map((name) => ({ groups: name }))
    const roles = [
      { ...boss, groupAssociation },
      { ...leaf, groupAssociation },
    ]
    const more = names.map((name) => ({ name: `r${name}` }))
    const joins = names.map((name) => ({ name: `j${name}`, pair: ['boss', `r${name}`] }))
    let reads = 0
    const counted = <Item extends object>(items: readonly Item[]): readonly Item[] =>
      items.map(
        (item) =>
          new Proxy(item, {
            get(target, name, receiver) {
              reads += 1
              return Reflect.get(target, name, receiver)
            },
          }),
      )
    const schema = {
      name: 's',
      roles: counted<SchemaRole>([...roles, ...more]),
      channels: counted<SchemaChannel>([...channels, ...joins, groups]),
    }
    const dataSpec = [{ role: 'leaf', datasetGroups: Object.fromEntries(names.map((name) => [name, ['d1']])) }]
    t.deepEqual(validateTopology({ schema, dataSpec }, { datasets: new Map([['d1', csv]]) }), [])
    return reads
  }
  t.true(shape(200) < shape(100) * 2.5)
})

test('all faults are named at once, in one error', (t) => {
  const broken = topology({
    roles: [{ name: 'the boss' }, { ...leaf, replica: 3 }, { name: 'hermit' }],
    channels: [{ name: 'link', pair: ['boss', 'leaf'], funcTags: { lef: [] } }],
    dataSpec: [{ role: 'leaf', datasetGroups: { west: ['d1'] } }],
  })
  const error = t.throws(() => assertValid(broken), { code: 'TAG_INVALID' })
  for (const place of [
    'schema.roles.0.name: TAG_NAME_INVALID',
    'schema.channels.0.pair: TAG_ROLE_UNKNOWN',
    'schema.channels.0.funcTags.lef: TAG_ROLE_UNKNOWN',
    'schema.roles.1.replica: TAG_REPLICA',
    'schema.roles.2: TAG_ROLE_ISOLATED',
    'dataSpec.0.datasetGroups.west: TAG_DATASET_GROUP',
  ])
    t.true(String(error).includes(place), `${place} in ${error}`)
})

test('a vertical design may join two data consumers, if an aggregator is in reach', (t) => {
  const roles = [boss, leaf, { name: 'label', isDataConsumer: true }]
  const channels = [link, { name: 'pair', pair: ['leaf', 'label'] }]
  const dataSpec = [given, { role: 'label', datasetGroups: { default: ['d1'] } }]
  t.deepEqual(validateTopology(topology({ isVertical: true, roles, channels, dataSpec })), [])
})

test('a vertical design without an aggregator is valid, if one of the data consumers gathers values', (t) => {
  const { schema, dataSpec } = vertical({ parties: 4 })
  t.deepEqual(validateTopology({ schema, dataSpec }), [])
  const { isVertical: _, ...horizontal } = schema
  const codes = (given: Schema) => validateTopology({ schema: given, dataSpec }).map(({ code }) => code)
  t.deepEqual(codes(horizontal), ['TAG_DATA_CONSUMERS_JOINED'])
  const [channel] = schema.channels
  const untagged = channel && { name: channel.name, pair: channel.pair }
  t.deepEqual(codes({ ...schema, channels: untagged ? [untagged] : [] }), [
    'TAG_DATA_CONSUMER_CUT_OFF',
    'TAG_DATA_CONSUMER_CUT_OFF',
  ])
})

test('hybrid, coordinated and parallel shapes are valid', (t) => {
  const names = ['a', 'b']
  const groupBy = { type: 'tag', value: names } as const
  const grouped = (...channels: string[]) =>
    names.map((name) => Object.fromEntries(channels.map((channel) => [channel, name])))
  const dataSpec = [{ role: 'peer', datasetGroups: { a: ['0', '1'], b: ['2', '3'] } }]
  const peer = { name: 'peer', isDataConsumer: true }
  const shapes: Readonly<Record<string, Pick<Schema, 'roles' | 'channels'>>> = {
    hybrid: {
      roles: [{ ...boss }, { ...peer, groupAssociation: names.map((name) => ({ ring: name, up: 'default' })) }],
      channels: [
        { name: 'ring', pair: ['peer', 'peer'], groupBy },
        { name: 'up', pair: ['boss', 'peer'] },
      ],
    },
    parallel: {
      roles: [
        { ...boss, groupAssociation: grouped('up') },
        { ...peer, groupAssociation: grouped('up') },
      ],
      channels: [{ name: 'up', pair: ['boss', 'peer'], groupBy }],
    },
    coordinated: {
      roles: [
        { name: 'coordinator' },
        {
          name: 'relay',
          replica: 2,
          groupAssociation: [
            { to: 'default', up: 'a' },
            { to: 'default', up: 'b' },
          ],
        },
        { ...peer, groupAssociation: names.map((name) => ({ at: 'default', up: name })) },
      ],
      channels: [
        { name: 'to', pair: ['coordinator', 'relay'] },
        { name: 'at', pair: ['coordinator', 'peer'] },
        { name: 'up', pair: ['relay', 'peer'], groupBy },
      ],
    },
  }
  for (const [name, shape] of Object.entries(shapes))
    t.deepEqual(validateTopology({ schema: { name, ...shape }, dataSpec }), [], name)
})

test('the ready topologies with fewer clients than groups leave a group without ends, which is found', (t) => {
  t.deepEqual(
    validateTopology(hierarchical({ clients: 2, groups: 3 })).map(({ code }) => code),
    ['TAG_GROUP_ONE_SIDED'],
  )
  t.deepEqual(
    validateTopology(twoTier({ clients: 0 })).map(({ code }) => code),
    ['TAG_NO_DATASET'],
  )
})

const names = (prefix: string, length: number) => Array.from({ length }, (_, index) => `${prefix}${index}`)

test('associations that lack channels are counted without a look at each of these', (t) => {
  const channels = names('c', 1000).map((name): SchemaChannel => {
    return { name, pair: ['boss', 'leaf'], groupBy: { type: 'tag', value: ['a', 'b'] } }
  })
  let looks = 0
  const association = new Proxy<Record<string, string>>(
    {},
    {
      get: (_, name) => {
        looks += 1
        return Reflect.get({}, name)
      },
      getOwnPropertyDescriptor: (_, name) => {
        looks += 1
        return Reflect.getOwnPropertyDescriptor({}, name)
      },
    },
  )
  const groupAssociation = names('', 10_000).map(() => association)
  const roles = [{ ...boss, groupAssociation }, leaf]
  const { faults, count } = findFaults(topology({ channels, roles }), { datasetsFollow: true })
  t.is(faults.length, 100)
  t.true(count >= 10_000_000)
  t.true(looks < 100_000, `${looks} looks`)
})

test('tasks that would join too many channels altogether are refused before there is one', (t) => {
  const channels = names('c', 100).map((name): SchemaChannel => ({ name, pair: ['boss', 'leaf'] }))
  const facts = { mostTasks: 1000, datasetsFollow: true }
  const roles = (replica: number) => [{ ...boss, replica }, leaf]
  t.deepEqual(validateTopology(topology({ channels, roles: roles(100), dataSpec: [] }), facts), [])
  t.deepEqual(
    validateTopology(topology({ channels, roles: roles(300), dataSpec: [] }), facts).map(({ code }) => code),
    ['TAG_JOINS'],
  )
})

test('a fault tells of long names their beginnings', (t) => {
  const long = 'x'.repeat(4000)
  const broken = topology({ channels: [{ name: 'c', pair: [long, 'leaf'], funcTags: { [long]: [] } }] })
  for (const { place, message } of validateTopology(broken)) t.true(place.length + message.length < 2000, message)
})
