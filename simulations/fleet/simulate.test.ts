import test from 'ava'
import trivial from '../../examples/trivial/workload.ts'
import { CodedError } from '../../runtime/index.ts'
import { fedAvg, fedBuff, inMemoryExamples, type Settings, subset, type Workload } from '../../sdk/index.ts'
import { stateful } from '../../test/support/stateful-workload.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { runJob } from '../run-job.ts'
import type { FleetBehaviour } from './behaviour.ts'
import type { FleetResult, SimulateOptions } from './fleet-run.ts'
import { atOnce } from './flight.ts'
import { simulate } from './simulate.ts'

const hashes = (rounds: readonly { readonly hash: string }[]) => rounds.map(({ hash }) => hash)

const withBuffer = (bufferSize: number, concurrency: number): typeof trivial => ({
  ...trivial,
  strategy: () => fedBuff({ bufferSize, concurrency }),
})
const buffered = withBuffer(10, 20)

/** Devices of different speeds, some of which give up. */
const uneven: FleetBehaviour = {
  ...atOnce,
  speed: { of: (device) => 1 + ((device * 7919) % 13) / 4 },
  download: { of: (device) => 1_000 * (1 + (device % 5)) },
  faults: { dropsOutAt: (_, work) => (work % 9 === 4 ? 0.5 : undefined) },
}

/** Aggregators that are slow, and fail. */
const limited = {
  aggregators: {
    ...{ updates: 4, receive: 20_000, send: 50_000, memory: 12_000, latencyMs: 50 },
    failures: { perHour: 360, seconds: 2 },
  },
}

async function simulated<S extends Settings>(workload: Workload<S>, options: SimulateOptions<S>): Promise<FleetResult> {
  const result = await (await simulate(workload, options)).result
  if (result.cause) throw result.cause
  return result
}

for (const { title, workload, settings } of [
  { title: 'two tiers', workload: trivial, settings: {} },
  { title: 'a tree', workload: trivial, settings: { topology: 'hierarchical', levels: 3 } },
  // With more than one work at a time the order of a program's arrivals would depend on its threads.
  { title: 'a buffer', workload: withBuffer(5, 1), settings: {} },
])
  test(`a fleet in which nothing takes time has the hashes of the job in a program: ${title}`, async (t) => {
    const given = { ...settings, rounds: 4, fraction: 0.3 }
    const job = await runJob(workload, { settings: { ...given, clients: 120 }, seed: 5 })
    const fleet = await simulated(workload, { devices: 120, settings: given, seed: 5 })
    t.deepEqual(hashes(fleet.history), hashes((await job.result).history))
    t.deepEqual(
      fleet.history.map(({ at }) => at),
      [0, 0, 0, 0],
    )
  })

for (const { title, workload, settings, more = {} } of [
  { title: 'rounds', workload: trivial, settings: {} },
  { title: 'a tree', workload: trivial, settings: { topology: 'hierarchical' } },
  { title: 'a buffer', workload: buffered, settings: {} },
  { title: 'a tree of buffers', workload: buffered, settings: { topology: 'hierarchical' } },
  { title: 'a tree with limits', workload: trivial, settings: { topology: 'hierarchical', levels: 3 }, more: limited },
  { title: 'a tree of buffers with limits', workload: buffered, settings: { topology: 'hierarchical' }, more: limited },
])
  test(`the number of works that are done ahead changes neither bits nor times: ${title}`, async (t) => {
    const options = { devices: 60, settings: { ...settings, rounds: 6, fraction: 0.5 }, behaviour: uneven, ...more }
    const one = await simulated(workload, { ...options, ahead: 1 })
    t.true(one.history.every(({ at }, index) => at > (one.history[index - 1]?.at ?? 0)))
    t.true(one.history.some(({ lost }) => lost > 0))
    for (const ahead of [2, 16, 64]) t.deepEqual(await simulated(workload, { ...options, ahead }), one)
  })

test('a round takes the time of its slowest device, and counts works and bytes', async (t) => {
  const { history } = await simulated(trivial, {
    devices: 4,
    settings: { rounds: 2, fraction: 1 },
    behaviour: { ...atOnce, speed: { of: (device) => 1 / (1 + device) } },
  })
  t.deepEqual(
    history.map(({ at, asked, counted, lost, wasted, received, sent }) => [
      at,
      ...[asked, counted, lost, wasted, received, sent],
    ]),
    [
      [4_000, 4, 4, 0, 0, 16_000, 16_000],
      [8_000, 4, 4, 0, 0, 16_000, 16_000],
    ],
  )
})

test('devices wait until they are available, and lose their work when they go away', async (t) => {
  // Devices are there in the second half of each hour. Work takes less time, but that of the last device more.
  const hour = 3_600_000
  const behaviour: FleetBehaviour = {
    ...atOnce,
    availability: {
      isAvailable: (_, at) => at % hour >= hour / 2,
      next: (_, at) => (at % hour >= hour / 2 ? at : at - (at % hour) + hour / 2),
      until: (_, at) => (at % hour >= hour / 2 ? at - (at % hour) + hour : at),
    },
    speed: { of: (device) => (device === 4 ? 1 : 4) / 3_600 },
  }
  const { history } = await simulated(trivial, { devices: 5, settings: { rounds: 2, fraction: 1 }, behaviour })
  t.deepEqual(
    history.map(({ at, counted, lost }) => [at / hour, counted, lost]),
    [
      [1, 4, 1],
      [2, 4, 1],
    ],
  )
})

test('a fleet in which nobody is ever available fails at once', async (t) => {
  const never = () => Number.POSITIVE_INFINITY
  const behaviour: FleetBehaviour = {
    ...atOnce,
    availability: { isAvailable: () => false, next: never, until: (_, at) => at },
  }
  for (const workload of [trivial, buffered]) {
    const run = await simulate(workload, { devices: 10, behaviour })
    const { state, cause } = await run.result
    t.is(state, 'failed')
    t.like(cause, { code: 'SIMULATION_NOBODY' })
  }
})

test('a million devices without examples, and devices that give up every work, end a run with their fault', async (t) => {
  const none = inMemoryExamples({ features: new Uint8Array(), labels: [], shape: [1] })
  const empty = <S extends Settings>(workload: Workload<S>): Workload<S> => ({
    ...workload,
    learner: async (settings) => ({
      ...(await workload.learner(settings)),
      async train({ examples: { count } }) {
        throw new CodedError('LEARN_EMPTY', { message: '{count} examples', hint: 'give some' }, { count })
      },
    }),
    data: async (...given) => ({ ...(await workload.data(...given)), client: () => none }),
  })
  const ended = async (given: typeof trivial, options: SimulateOptions) => {
    const { state, cause } = await (await simulate(given, options)).result
    t.is(state, 'failed')
    t.like(cause, { code: 'ROLE_TOO_FEW_UPDATES' })
    return String(Object(cause).message)
  }
  t.regex(await ended(empty(buffered), { devices: 1_000_000 }), /LEARN_EMPTY/)
  t.regex(await ended(empty(trivial), { devices: 1_000_000, settings: { fraction: 1e-4 } }), /LEARN_EMPTY/)
  const behaviour: FleetBehaviour = { ...atOnce, faults: { dropsOutAt: () => 0.5 } }
  await ended(buffered, { devices: 1_000, behaviour })
  await ended(trivial, { devices: 1_000, behaviour })
})

test('bad options, topologies and numbers of devices are refused before anything runs', async (t) => {
  for (const devices of [0, 1.5, -3, Number.NaN, 1e9])
    await t.throwsAsync(simulate(trivial, { devices }), { code: 'SIMULATION_OPTION' })
  await t.throwsAsync(simulate(trivial, { devices: 4, ahead: 0 }), { code: 'SIMULATION_OPTION' })
  await t.throwsAsync(simulate(trivial, { devices: 4, hours: 0 }), { code: 'SIMULATION_OPTION' })
  for (const topology of ['ring', 'gossip', 'replicated', 'coordinated', 'parallel', 'split'])
    await t.throwsAsync(simulate(trivial, { devices: 4, settings: { topology } }), { code: 'SIMULATION_TOPOLOGY' })
  const few: typeof trivial = {
    ...trivial,
    data: (settings, ...others) => trivial.data({ ...settings, clients: 3 }, ...others),
  }
  await t.throwsAsync(simulate(few, { devices: 4 }), { code: 'SIMULATION_CLIENTS' })
})

test('the data go with the behaviour: a device has the examples of the client that its place says', async (t) => {
  const all = inMemoryExamples({ features: new Uint8Array(5), labels: new Uint8Array(5), shape: [1] })
  const trained = new Set<number>()
  /** Client i has i + 1 examples, most of them with the label i. */
  const workload: typeof trivial = {
    ...trivial,
    async learner(settings) {
      const learner = await trivial.learner(settings)
      return {
        ...learner,
        async train(request) {
          trained.add(request.examples.count)
          return learner.train(request)
        },
      }
    },
    data: ({ clients }) => ({
      clients,
      client: (index) =>
        subset(
          all,
          Uint32Array.from({ length: index + 1 }, (_, example) => example),
        ),
      label: (client) => client,
      test: all,
    }),
  }
  // The last device comes first, and works alone for a time; the first one always gives up.
  const behaviour: FleetBehaviour = {
    ...atOnce,
    speed: { of: (device) => (device === 4 ? 0.1 : Number.POSITIVE_INFINITY) },
    faults: { dropsOutAt: (device) => (device === 0 ? 0.5 : undefined) },
    dataOrder: (device) => 1 - (device + 0.5) / 5,
  }
  const options = { devices: 5, settings: { rounds: 1, fraction: 1 } }
  const { history } = await simulated(workload, { ...options, behaviour })
  t.deepEqual(
    history.map(({ at }) => at),
    [10_000],
  )
  t.deepEqual([...trained].toSorted(), [1, 2, 3, 4])
  await t.throwsAsync(simulate(trivial, { ...options, behaviour }), { code: 'LEARN_LABELS' })
})

/** Devices that come and go, each in a rhythm of its own. */
const comingAndGoing: FleetBehaviour['availability'] = {
  isAvailable: (device, at) => (at + 977 * device) % 10_000 < 6_000,
  next: (device, at) => ((at + 977 * device) % 10_000 < 6_000 ? at : at + 10_000 - ((at + 977 * device) % 10_000)),
  until: (device, at) => Math.max(at, at + 6_000 - ((at + 977 * device) % 10_000)),
}

for (const { title, workload, settings, more = {} } of [
  { title: 'rounds', workload: trivial, settings: {} },
  {
    title: 'rounds with a deadline that close at a quorum',
    workload: { ...trivial, strategy: () => fedAvg({ fraction: 0.4, quorum: 0.6, deadlineMs: 2_500 }) },
    settings: {},
  },
  { title: 'a tree', workload: trivial, settings: { topology: 'hierarchical' } },
  { title: 'a buffer', workload: buffered, settings: {} },
  {
    title: 'a buffer with deadlines',
    workload: { ...trivial, strategy: () => fedBuff({ bufferSize: 8, concurrency: 20, dispatchDeadlineMs: 3_000 }) },
    settings: {},
  },
  { title: 'a tree of buffers', workload: buffered, settings: { topology: 'hierarchical' } },
  { title: 'own states', workload: stateful, settings: {} },
  { title: 'a tree with limits', workload: trivial, settings: { topology: 'hierarchical' }, more: limited },
  { title: 'a buffer with limits', workload: buffered, settings: {}, more: limited },
])
  test(`a run that ends at any round goes on to the same bits and times: ${title}`, async (t) => {
    const behaviour = { ...uneven, availability: comingAndGoing }
    const options = { devices: 40, settings: { ...settings, rounds: 7, fraction: 0.4 }, behaviour, seed: 9, ...more }
    const whole = await simulated(workload, options)
    t.true(whole.history.some(({ lost }) => lost > 0))
    for (const [checkpointEvery, stops] of [
      [1, [1, 3, 4, 6]],
      [2, [3, 4]],
    ] as const) {
      await using folder = await temporaryFolder()
      const kept = { ...options, store: folder.path, checkpointEvery }
      for (const last of stops) {
        const run = await simulate(workload, kept)
        for await (const { round } of run) if (round === last) break
        await run.stop()
        t.not((await run.result).state, 'failed')
      }
      t.deepEqual(await simulated(workload, kept), whole)
      if (checkpointEvery === 1) t.deepEqual(await simulated(workload, kept), whole, 'a run that was completed')
    }
  })

test('a tree of buffers goes on from the middle of its buffers, and trains little again', async (t) => {
  await using folder = await temporaryFolder()
  let trained = 0
  const counting: typeof trivial = {
    ...trivial,
    strategy: () => fedBuff({ bufferSize: 3, middleBufferSize: 4, concurrency: 8 }),
    async learner(settings) {
      const learner = await trivial.learner(settings)
      return {
        ...learner,
        async train(request) {
          trained += 1
          return learner.train(request)
        },
      }
    },
  }
  const settings = { topology: 'hierarchical', levels: 3, rounds: 8 }
  const options = { devices: 90, settings, behaviour: uneven }
  const whole = await simulated(counting, options)
  const all = trained
  const kept = { ...options, store: folder.path, checkpointEvery: 1 }
  const run = await simulate(counting, kept)
  for await (const { round } of run) if (round === 6) break
  await run.stop()
  trained = 0
  t.deepEqual(await simulated(counting, kept), whole)
  t.true(trained < all / 2, `${trained} of ${all}`)
})
