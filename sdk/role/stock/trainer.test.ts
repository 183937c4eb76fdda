import test from 'ava'
import { errorFactory, memoryStore } from '../../../runtime/index.ts'
import { interruptedStore } from '../../../test/support/stores.ts'
import { arrayOf } from '../../sum/accumulator.ts'
import { twoTier } from '../../tag/topologies.ts'
import { roleStage, type StageOptions, tinyPool } from '../../testing/index.ts'
import type { Channel } from '../channel/channel.ts'
import { channelTagged, role } from '../role.ts'
import { type Answer, type Assignment, below } from './round-protocol.ts'
import { trainer } from './trainer.ts'

const weights = Float32Array.of(1, 2, 3, 4, 5, 6, 7)
const assignment = (round: number): Assignment => ({
  type: 'train',
  round,
  weights,
  terms: {},
  selected: ['trainer-0'],
})
const mishap = errorFactory({ MISHAP: { message: 'client {client} is ill', hint: 'mend it' } })

/** One trainer below a scripted aggregator. Returns how both ended. */
async function below1(
  script: (trainers: Channel<Assignment, Answer>) => Promise<void>,
  options: Partial<StageOptions> = {},
) {
  const aggregator = role({
    name: 'top-aggregator',
    open: (channel) => channel(below),
    init: () => ({ done: false }),
    isState: (value): value is { done: boolean } => typeof value === 'object' && value !== null && 'done' in value,
    done: ({ done }) => done,
    async round(_, { channels }) {
      await channels.awaitJoin()
      await script(channels)
      return { done: true }
    },
    finish: (_, { channels }) => channels.broadcast({ type: 'end-of-training' }),
  })
  await using stage = roleStage({
    topology: twoTier({ clients: 1 }),
    roles: { 'top-aggregator': aggregator, trainer },
    ...options,
  })
  const top = await stage.ended('top-aggregator-0')
  if (top.type === 'task-failed') throw new Error('the script failed', { cause: top.cause })
  return { trainer: await stage.ended('trainer-0'), reports: stage.reports }
}

test('a trainer answers an assignment with its update of that round, until the end of training', async (t) => {
  const ended = await below1(async (trainers) => {
    for (const round of [1, 2]) {
      trainers.broadcast(assignment(round))
      const { end, message } = await trainers.recvAny()
      t.is(end, 'trainer-0')
      t.like(message, { type: 'contribution', round, contribution: { weight: 1, samples: 1 } })
      const delta = message.type === 'contribution' ? await arrayOf(message.contribution.vectors.delta) : undefined
      t.is(delta?.length, weights.length)
    }
  })
  t.is(ended.trainer.type, 'task-completed')
})

test('asked again for the same round, it gives the same bits', async (t) => {
  await below1(async (trainers) => {
    const deltas: Float32Array[] = []
    for (let time = 0; time < 2; time++) {
      trainers.broadcast(assignment(1))
      const { message } = await trainers.recvAny()
      if (message.type !== 'contribution') continue
      const { delta } = message.contribution.vectors
      if (delta instanceof Float32Array) deltas.push(delta)
    }
    t.is(deltas.length, 2)
    t.deepEqual(deltas[0], deltas[1])
    t.not(deltas[0], deltas[1])
  })
})

test('a coded fault of the learner is reported above, and the trainer stays', async (t) => {
  let trainings = 0
  const pool = tinyPool({
    clients: 1,
    beforeTraining({ client }) {
      if (++trainings === 1) throw mishap('MISHAP', { client })
    },
  })
  const ended = await below1(
    async (trainers) => {
      trainers.broadcast(assignment(1))
      t.deepEqual((await trainers.recvAny()).message, {
        type: 'failed',
        asked: 'train',
        round: 1,
        code: 'MISHAP',
        reason: 'client 0 is ill',
        hint: 'mend it',
      })
      trainers.broadcast(assignment(2))
      t.like((await trainers.recvAny()).message, { type: 'contribution', round: 2 })
    },
    { pool },
  )
  t.is(ended.trainer.type, 'task-completed')
})

test('it writes nothing, neither for a round nor at its end', async (t) => {
  const store = memoryStore()
  const key = 'job/job-1/trainer-0'
  await below1(
    async (trainers) => {
      for (const round of [1, 2, 3]) {
        trainers.broadcast(assignment(round))
        await trainers.recvAny()
      }
      t.is(await store.load(key), undefined)
    },
    { store },
  )
  t.is(await store.load(key), undefined)
  for await (const entry of store.read(key)) t.fail(`journal entry ${entry.number}`)
})

test('of many trainers only those that are asked look into the store', async (t) => {
  const looks = { load: 0, read: 0 }
  const store = interruptedStore(memoryStore(), (call, when) => {
    if (when === 'before' && (call === 'load' || call === 'read')) looks[call] += 1
  })
  await below1(
    async (trainers) => {
      for (const round of [1, 2, 3]) {
        trainers.broadcast(assignment(round), ['trainer-0'])
        await trainers.recvAny()
      }
      t.deepEqual(looks, { load: 2, read: 2 }, 'the aggregator, and the one that was asked')
    },
    { store, topology: twoTier({ clients: 50 }), pool: tinyPool({ clients: 50 }) },
  )
})

test('what is no assignment is dropped and noticed', async (t) => {
  const untyped = channelTagged<unknown, Answer>(below.accepts, 'distribute', 'aggregate')
  const malformed = [
    null,
    'train',
    { type: 'train' },
    { ...assignment(1), weights: [1, 2] },
    { ...assignment(1), terms: null },
    { ...assignment(1), selected: 'all' },
    { ...assignment(1), round: 'first' },
  ]
  const aggregator = role({
    name: 'top-aggregator',
    open: (channel) => channel(untyped),
    init: () => ({ done: false }),
    isState: (value): value is { done: boolean } => typeof value === 'object' && value !== null && 'done' in value,
    done: ({ done }) => done,
    async round(_, { channels }) {
      await channels.awaitJoin()
      for (const message of [...malformed, assignment(1)]) channels.broadcast(message)
      t.like(await channels.recvAny(), { message: { type: 'contribution', round: 1 } })
      return { done: true }
    },
  })
  await using stage = roleStage({ topology: twoTier({ clients: 1 }), roles: { 'top-aggregator': aggregator, trainer } })
  t.is((await stage.ended('top-aggregator-0')).type, 'task-completed')
  t.is(stage.reports.filter(({ type }) => type === 'notice').length, malformed.length)
})
