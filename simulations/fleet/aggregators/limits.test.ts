import test from 'ava'
import trivial from '../../../examples/trivial/workload.ts'
import { fedBuff } from '../../../sdk/index.ts'
import type { SimulateOptions } from '../fleet-run.ts'
import { atOnce } from '../flight.ts'
import { simulate } from '../simulate.ts'
import type { AggregatorCapacities } from './capacity.ts'
import { aggregatorsFrom } from './capacity-texts.ts'

const buffered: typeof trivial = { ...trivial, strategy: () => fedBuff({ bufferSize: 10, concurrency: 40 }) }
const behaviour = { ...atOnce, speed: { of: (device: number) => 1 + (device % 7) } }
const tree = { topology: 'hierarchical' }

async function simulated(workload: typeof trivial, options: SimulateOptions<(typeof trivial)['settings']>) {
  const result = await (await simulate(workload, options)).result
  if (result.cause) throw result.cause
  return result
}

for (const [title, workload, settings] of [
  ['two tiers', trivial, {}],
  ['a tree', trivial, tree],
  ['a buffer', buffered, {}],
  ['a tree of buffers', buffered, tree],
] as const)
  test(`aggregators without limits are told what they had to do, and nothing changes: ${title}`, async (t) => {
    const options = { devices: 60, settings: { ...settings, rounds: 3, fraction: 0.5 }, behaviour }
    const plain = await simulated(workload, options)
    t.is(plain.aggregators, undefined)
    const told = await simulated(workload, { ...options, aggregators: {} })
    t.deepEqual(told.history, plain.history)
    t.is(told.saturatesFirst, undefined)
    const taken = told.aggregators?.reduce((sum, { updates }) => sum + updates, 0) ?? 0
    t.true(taken >= told.history.reduce((sum, { counted }) => sum + counted, 0))
    t.true(
      told.aggregators?.every(({ received, sent, limiting }) => received > 0 && sent > 0 && limiting === undefined),
    )
  })

test('limits and failures make rounds later, and change none of their bits', async (t) => {
  const options = { devices: 30, settings: { ...tree, levels: 3, rounds: 5, fraction: 0.5 }, behaviour }
  const plain = await simulated(trivial, options)
  const aggregators = {
    updates: 2,
    receive: 20_000,
    memory: 12_000,
    latencyMs: 300,
    failures: { perHour: 600, seconds: 3 },
  }
  const slow = await simulated(trivial, { ...options, aggregators })
  t.deepEqual(
    slow.history.map(({ hash }) => hash),
    plain.history.map(({ hash }) => hash),
  )
  for (const [index, { at }] of slow.history.entries()) t.true(at > (plain.history[index]?.at ?? 0))
  t.true(slow.aggregators?.some(({ failures, down }) => failures > 0 && down > 0))
  t.true(slow.aggregators?.every(({ mostWaiting }) => mostWaiting <= 12_000))
})

test('an aggregator that takes fewer updates than its devices send saturates, and a version takes as long as its updates', async (t) => {
  const options = { devices: 200, settings: { rounds: 20 }, behaviour }
  const { history, aggregators, saturatesFirst } = await simulated(buffered, {
    ...options,
    aggregators: { updates: 5 },
  })
  const hours = (history.at(-1)?.at ?? 0) / 1000
  t.true(hours > 40 && hours < 42, `${hours}`)
  t.like(saturatesFirst, { end: 'top-aggregator-0', resource: 'updates' })
  t.true((saturatesFirst?.busy ?? 0) > 0.95)
  t.like(aggregators?.[0], { updates: 200, limiting: 'updates' })
  // All but the few that train wait.
  t.true((aggregators?.[0]?.longestQueue ?? 0) > 20)
})

test('a message between aggregators takes the time of both links and the latency', async (t) => {
  const settings = { ...tree, rounds: 1, fraction: 1 }
  const aggregators: AggregatorCapacities = {
    latencyMs: 100,
    roles: { 'top-aggregator': { send: 4_000 }, 'middle-aggregator': { receive: 2_000, updates: 1 } },
  }
  const { history, aggregators: loads } = await simulated(trivial, { devices: 2, settings, aggregators })
  // 4,000 bytes go out in 1 s each, one after the other, and come in at half that rate; an update comes at the same rate,
  // and is taken in 1 s. Only the latency of the partial sum follows.
  t.is(history[0]?.at, 1_000 + 2_000 + 100 + 2_000 + 1_000 + 100)
  t.like(loads?.[0], { end: 'middle-aggregator-0', updates: 1, received: 8_000 })
  t.like(loads?.[2], { end: 'top-aggregator-0', updates: 2, sent: 8_000 })
})

test('bad capacities are refused before anything runs', async (t) => {
  for (const aggregators of [
    { updates: 0 },
    { receive: Number.NaN },
    { memory: -1 },
    { latencyMs: -1 },
    { failures: { perHour: 0, seconds: 1 } },
    { roles: { 'middle-aggregator': { updates: 5 } } },
    { roles: { 'top-aggregator': { send: -5 } } },
  ])
    await t.throwsAsync(simulate(trivial, { devices: 4, aggregators }), { code: 'SIMULATION_OPTION' })
})

test('capacities are read from texts, for all aggregators or for those of a role', (t) => {
  t.deepEqual(aggregatorsFrom({}), undefined)
  t.deepEqual(
    aggregatorsFrom({
      updates: ['500/s', 'top-aggregator=120000/min'],
      bandwidth: '100MB/s:1Gbit/s',
      memory: '64 MiB',
      latency: '0.02s',
      failures: 'leaf-aggregator=12/d,1.5min',
    }),
    {
      ...{ updates: 500, receive: 1e8, send: 1.25e8, memory: 2 ** 26, latencyMs: 20 },
      roles: { 'top-aggregator': { updates: 2_000 }, 'leaf-aggregator': { failures: { perHour: 0.5, seconds: 90 } } },
    },
  )
  for (const texts of [
    { updates: 'many' },
    { updates: '5/fortnight' },
    { updates: '0' },
    { bandwidth: '1MB/s:2MB/s:3MB/s' },
    { memory: '-5MB' },
    { latency: '' },
    { failures: '1/h' },
    { failures: '1/h,60s,3' },
    { bandwidth: '5 constructor' },
  ])
    t.throws(() => aggregatorsFrom(texts), { code: 'SIMULATION_OPTION' }, JSON.stringify(texts))
})
