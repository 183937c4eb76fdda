import test from 'ava'
import {
  expand,
  hierarchical,
  type Schema,
  type SchemaRole,
  stockRoles,
  type Topology,
  twoTier,
  vertical,
} from '../index.ts'
import { type AnyRole, role } from '../role/role.ts'
import { roleTasksOf } from './role-tasks.ts'

/** A schema of one role with one channel of these func tags. */
function topologyOf(name: string, tags: readonly string[], isDataConsumer: boolean): Topology {
  const roles: SchemaRole[] = [
    { name, isDataConsumer },
    { name: 'other', isDataConsumer: !isDataConsumer },
  ]
  const schema: Schema = {
    name: 'one',
    roles,
    channels: [
      {
        name: 'link',
        pair: [name, 'other'],
        funcTags: { [name]: tags, other: isDataConsumer ? ['distribute', 'aggregate'] : ['fetch', 'upload'] },
      },
    ],
  }
  return { schema, dataSpec: [{ role: isDataConsumer ? name : 'other', datasetGroups: { default: ['0'] } }] }
}

function rolesOf({ schema, dataSpec }: Topology, own: Readonly<Record<string, AnyRole>> = {}) {
  const tasks = expand({ schema, dataSpec }, { jobId: 'job', newKey: () => '' })
  return new Map(roleTasksOf({ schema, tasks }, { roles: own }).map((task) => [task.role.name, task.role]))
}

/** The name of the definition behind a role that has the schema's name. */
async function definitionOf(found: AnyRole | undefined): Promise<string> {
  let name = ''
  await found?.runOn({
    async run(definition) {
      name = definition.name
    },
  })
  return name
}

const byTags: readonly (readonly [name: string, tags: readonly string[], holdsData: boolean, stock: string])[] = [
  ['aggregator', ['distribute', 'aggregate'], false, 'top-aggregator'],
  ['edge', ['distribute', 'aggregate', 'fetch', 'upload'], false, 'middle-aggregator'],
  ['hospital', ['fetch', 'upload'], true, 'trainer'],
  ['trainer', ['fetch', 'upload', 'uploadDatasetSize'], true, 'trainer'],
  ['trainer', ['distribute', 'aggregate', 'fetch', 'upload'], false, 'middle-aggregator'],
  ['trainer', ['ring_allreduce'], true, 'ring-trainer'],
  ['trainer', ['fetch', 'upload', 'ring_allreduce'], true, 'hybrid-trainer'],
  ['trainer', ['fetch', 'upload', 'coordinate'], true, 'trainer'],
  ['mine', ['distribute', 'aggregate', 'fetch', 'upload', 'coordinate'], false, 'middle-aggregator'],
  ['mine', ['distribute', 'aggregate', 'coordinate'], false, 'top-aggregator'],
  ['mine', ['coordinateWithTrainer'], false, 'coordinator'],
  ['mine', ['matchEntities', 'gatherActivations'], true, 'label-holder'],
  ['trainer', ['presentEntities', 'sendActivations'], true, 'feature-holder'],
]
for (const [name, tags, holdsData, stock] of byTags)
  test(`a role ${name} ${holdsData ? 'with' : 'without'} data and the tags ${tags.join(', ')} is a ${stock}`, async (t) => {
    t.is(await definitionOf(rolesOf(topologyOf(name, tags, holdsData)).get(name)), stock)
  })

const missing: readonly (readonly [tags: readonly string[], holdsData: boolean, stock: string])[] = [
  [['gossip'], true, 'gossip-trainer'],
  [['serveSplit'], false, 'split-server'],
  [['trainSplit'], true, 'split-trainer'],
]
for (const [tags, holdsData, stock] of missing.filter(([, , stock]) => !Object.hasOwn(stockRoles, stock)))
  test(`a role with the tags ${tags.join(', ')} is refused as long as there is no ${stock}, whatever its name`, (t) => {
    for (const name of ['trainer', 'top-aggregator', 'mine']) {
      const error = t.throws(() => rolesOf(topologyOf(name, tags, holdsData)), { code: 'JOB_ROLE_MISSING' })
      t.regex(String(error), new RegExp(`role ${name} .* no stock role ${stock}`))
    }
  })

test('a role without known func tags is the stock role of its name, or is refused with the names there are', async (t) => {
  t.is(await definitionOf(rolesOf(topologyOf('trainer', ['unheard'], true)).get('trainer')), 'trainer')
  const error = t.throws(() => rolesOf(topologyOf('traner', ['unheard'], true)), { code: 'JOB_ROLE_UNKNOWN' })
  t.regex(String(error), /role traner is none of .*trainer/)
})

test("a workload's own role goes before a stock role, by the schema's name and whatever its tags", async (t) => {
  const own = role({
    name: 'own',
    open: () => null,
    init: () => ({}),
    isState: (value): value is object => typeof value === 'object' && value !== null,
    done: () => true,
    round: async (state) => state,
  })
  t.is(
    await definitionOf(rolesOf(topologyOf('trainer', ['ring_allreduce'], true), { trainer: own }).get('trainer')),
    'own',
  )
  const found = rolesOf(hierarchical({ clients: 2, groups: 1 }), { 'middle-aggregator': own })
  t.deepEqual(
    await Promise.all([...found.values()].map(definitionOf)),
    [...found.keys()].map((name) => (name === 'middle-aggregator' ? 'own' : name)),
  )
})

test('each party of a vertical topology publishes its part under its end', (t) => {
  const { schema, dataSpec } = vertical({ parties: 3 })
  const tasks = expand({ schema, dataSpec }, { jobId: 'job', newKey: () => '' })
  const parts = roleTasksOf({ schema, tasks }).map(({ part }) => part)
  t.deepEqual(parts, ['feature-holder-0', 'feature-holder-1', 'label-holder-0'])
})

test('clients are numbered in the order of the tasks with datasets, unless they are said', (t) => {
  const { schema, dataSpec } = twoTier({ clients: 3 })
  const tasks = expand({ schema, dataSpec }, { jobId: 'job', newKey: () => '' })
  const numbers = (clientOf?: (end: string) => number | undefined) =>
    roleTasksOf({ schema, tasks }, { clientOf }).flatMap(({ client }) => client ?? [])
  t.deepEqual(numbers(), [0, 1, 2])
  t.deepEqual(
    numbers((end) => (end === 'trainer-1' ? 7 : undefined)),
    [0, 7, 2],
  )
})
