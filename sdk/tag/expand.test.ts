import test from 'ava'
import fc from 'fast-check'
import { wiringOf } from '../role/channel/wiring.ts'
import { expand } from './expand.ts'
import { hierarchical, twoTier } from './topologies.ts'
import { type DatasetEntry, type Topology, taskCount } from './topology.ts'
import { validateTopology } from './validate.ts'

/** The worked example of the compatibility notes, with roles and groups out of order. */
const worked: Topology = {
  schema: {
    name: 'worked',
    roles: [
      {
        name: 'relay',
        replica: 2,
        groupAssociation: [
          { up: 'all', down: 'north' },
          { up: 'all', down: 'south' },
        ],
      },
      { name: 'leaf', isDataConsumer: true, groupAssociation: [{ down: 'north' }, { down: 'south' }] },
      { name: 'boss', groupAssociation: [{ up: 'all' }] },
    ],
    channels: [
      { name: 'up', pair: ['boss', 'relay'], groupBy: { type: 'tag', value: ['all'] } },
      { name: 'down', pair: ['relay', 'leaf'], groupBy: { type: 'tag', value: ['north', 'south'] } },
    ],
  },
  dataSpec: [{ role: 'leaf', datasetGroups: { south: ['d3'], north: ['d1', 'd2'] } }],
}

function keys(): () => string {
  let count = 0
  return () => `key-${count++}`.padEnd(32, '.')
}

const expanded = (topology: Topology, jobId = 'job-1') => expand(topology, { jobId, newKey: keys() })

test('the worked example is valid and expands into its eight tasks, in order', (t) => {
  t.deepEqual(validateTopology(worked), [])
  const tasks = expand(worked, {
    jobId: 'job-1',
    newKey: keys(),
    computeOf: (dataset) => (dataset === 'd3' ? 'southern/pc' : 'northern/pc'),
  })
  t.deepEqual(
    tasks.map(({ end, role, replica, groupAssociation, dataset, computeId }) => [
      end,
      role,
      replica,
      groupAssociation,
      dataset,
      computeId,
    ]),
    [
      ['boss-0', 'boss', 0, { up: 'all' }, undefined, 'default'],
      ['leaf-0', 'leaf', 0, { down: 'north' }, 'd1', 'northern/pc'],
      ['leaf-1', 'leaf', 0, { down: 'north' }, 'd2', 'northern/pc'],
      ['leaf-2', 'leaf', 0, { down: 'south' }, 'd3', 'southern/pc'],
      ['relay-0', 'relay', 0, { up: 'all', down: 'north' }, undefined, 'default'],
      ['relay-1', 'relay', 0, { up: 'all', down: 'south' }, undefined, 'default'],
      ['relay-2', 'relay', 1, { up: 'all', down: 'north' }, undefined, 'default'],
      ['relay-3', 'relay', 1, { up: 'all', down: 'south' }, undefined, 'default'],
    ],
  )
})

test('the worked example has both leaves and both relays of the north in one group of channel down', (t) => {
  const tasks = expanded(worked)
  const wire = wiringOf(tasks)
  const seen = (end: string, channel: string) => {
    const task = tasks.find((candidate) => candidate.end === end)
    const wiring = task && wire(task).find(({ name }) => name === channel)
    return [wiring?.group, [...(wiring?.expected ?? [])]]
  }
  t.deepEqual(seen('relay-0', 'down'), ['north', ['leaf-0', 'leaf-1']])
  t.deepEqual(seen('relay-2', 'down'), ['north', ['leaf-0', 'leaf-1']])
  t.deepEqual(seen('leaf-1', 'down'), ['north', ['relay-0', 'relay-2']])
  t.deepEqual(seen('leaf-2', 'down'), ['south', ['relay-1', 'relay-3']])
  t.deepEqual(seen('boss-0', 'up'), ['all', ['relay-0', 'relay-1', 'relay-2', 'relay-3']])
})

test('the same input gives the same task ids, each its own; another job gives others; keys are always fresh', (t) => {
  const ids = expanded(worked).map(({ taskId }) => taskId)
  t.deepEqual(
    expanded(structuredClone(worked)).map(({ taskId }) => taskId),
    ids,
  )
  t.is(new Set(ids).size, 8)
  for (const { taskId } of expanded(worked, 'job-2')) t.false(ids.includes(taskId))
  t.is(new Set(expanded(worked).map(({ key }) => key)).size, 8)
})

test('a task id tells of a change of its task', (t) => {
  const [before] = expanded(worked)
  const channels = worked.schema.channels.map((channel) => ({ ...channel, backend: 'mqtt' }))
  const [after] = expanded({ ...worked, schema: { ...worked.schema, channels } })
  t.not(after?.taskId, before?.taskId)
})

test('no replica, none and fewer mean one', (t) => {
  for (const replica of [undefined, 0, -3, 1]) {
    const roles = [{ name: 'a', ...(replica === undefined ? {} : { replica }) }]
    const tasks = expanded({ schema: { name: 's', roles, channels: [{ name: 'c', pair: ['a', 'a'] }] }, dataSpec: [] })
    t.is(tasks.length, 1)
  }
})

test('a task carries the channels of its role only, their groups filled in', (t) => {
  const [top, trainer] = expanded(twoTier({ clients: 1 }))
  t.deepEqual(top?.channels, trainer?.channels)
  t.deepEqual(top?.channels[0]?.groupBy, { type: 'tag', value: ['default'] })
  t.deepEqual(trainer?.groupAssociation, { 'param-channel': 'default' })
  const leaf = expanded(worked).find(({ role }) => role === 'leaf')
  t.deepEqual(
    leaf?.channels.map(({ name }) => name),
    ['down'],
  )
})

test('a ring has every other end and its own in its group', (t) => {
  const ring: Topology = {
    schema: {
      name: 'ring',
      roles: [{ name: 'peer', isDataConsumer: true }],
      channels: [{ name: 'ring', pair: ['peer', 'peer'], funcTags: { peer: ['ring_allreduce'] } }],
    },
    dataSpec: [{ role: 'peer', datasetGroups: { default: ['0', '1', '2'] } }],
  }
  t.deepEqual(validateTopology(ring), [])
  const tasks = expanded(ring)
  const wire = wiringOf(tasks)
  for (const task of tasks)
    t.like(wire(task)[0], {
      otherRole: 'peer',
      othersHoldData: true,
      funcTags: ['ring_allreduce'],
      expected: new Set(['peer-0', 'peer-1', 'peer-2']),
    })
})

test('both topologies are valid, have a trainer for each client, in order, and every trainer below one aggregator', (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 }), (clients, wanted) => {
      const groups = Math.min(clients, wanted)
      for (const topology of [twoTier({ clients }), hierarchical({ clients, groups })]) {
        t.deepEqual(validateTopology(topology), [])
        const tasks = expanded(topology)
        const trainers = tasks.filter(({ role }) => role === 'trainer')
        t.deepEqual(
          trainers.map(({ end, dataset }) => [end, dataset]),
          Array.from({ length: clients }, (_, index) => [`trainer-${index}`, String(index)]),
        )
        const wire = wiringOf(tasks)
        for (const trainer of trainers) t.is(wire(trainer)[0]?.expected.size, 1)
        const others = tasks.length - clients
        t.is(others, topology.schema.name === 'two-tier' ? 1 : 1 + groups)
      }
    }),
  )
})

test('a channel says of the other side whether it holds data, and which functions of this role use it', (t) => {
  const tasks = expanded(hierarchical({ clients: 2 }))
  const wire = wiringOf(tasks)
  const middle = tasks.find(({ role }) => role === 'middle-aggregator')
  t.like(middle && wire(middle), [
    { name: 'global-channel', otherRole: 'top-aggregator', othersHoldData: false, funcTags: ['fetch', 'upload'] },
    { name: 'param-channel', otherRole: 'trainer', othersHoldData: true, funcTags: ['distribute', 'aggregate'] },
  ])
})

test('a task joins the only group of a channel that its association leaves out', (t) => {
  const { schema, dataSpec } = worked
  const roles = schema.roles.map((role) =>
    role.name === 'relay' ? { ...role, groupAssociation: [{ down: 'north' }, { down: 'south' }] } : role,
  )
  const tasks = expanded({ schema: { ...schema, roles }, dataSpec })
  t.deepEqual(
    tasks.filter(({ role }) => role === 'relay').map(({ groupAssociation }) => groupAssociation),
    [
      { down: 'north', up: 'all' },
      { down: 'south', up: 'all' },
      { down: 'north', up: 'all' },
      { down: 'south', up: 'all' },
    ],
  )
})

test('a dataset with a count expands as if it were named so many times', (t) => {
  const named = (datasets: readonly DatasetEntry[]): Topology => ({
    ...twoTier({ clients: 1 }),
    dataSpec: [{ role: 'trainer', datasetGroups: { default: datasets } }],
  })
  const short = named(['a', { dataset: 'b', count: 3 }, 'c'])
  t.deepEqual(expanded(short), expanded(named(['a', 'b', 'b', 'b', 'c'])))
  t.is(taskCount(short), 6)
  t.deepEqual(
    validateTopology(named([{ dataset: 'a', count: 10 ** 9 }]), { mostTasks: 10 }).map(({ code }) => code),
    ['TAG_TASKS'],
  )
})
