import test from 'ava'
import { errorFactory } from '../../../runtime/index.ts'
import { changed, changedRole } from '../../../test/support/changed-role.ts'
import { fedAvg } from '../../strategy/algorithms/server/fed-avg.ts'
import { hybrid, twoTier } from '../../tag/topologies.ts'
import { forSeeds, tinyPool } from '../../testing/index.ts'
import type { Channel, Deadline } from '../channel/channel.ts'
import type { AnyRole, ChannelUse } from '../role.ts'
import { hybridTrainer } from './hybrid-trainer.ts'
import { topAggregator } from './top-aggregator.ts'
import { completed, named, seeded, topologyContract } from './topology.contract.ts'

const mishap = errorFactory({ MISHAP: { message: 'client {client} is ill', hint: 'mend it' } })

topologyContract(test, 'a hybrid', {
  topologyOf: hybrid,
  roles: { 'top-aggregator': topAggregator, trainer: named('trainer', hybridTrainer) },
  leaving: ['trainer-0', 'trainer-1', 'trainer-2', 'trainer-3'],
  staying: ['top-aggregator-0'],
})

test('a selection, and clients that evaluate, give the bits of two tiers', async (t) => {
  const strategy = fedAvg({ fraction: 0.5, clientEvaluation: 2 })
  const run = await completed({ topology: hybrid({ clients: 8, groups: 3 }), strategy })
  const flat = await completed({ topology: twoTier({ clients: 8 }), strategy })
  t.deepEqual(
    run.rounds.map(({ hash, metrics }) => [hash, metrics]),
    flat.rounds.map(({ hash, metrics }) => [hash, metrics]),
  )
})

test('a trainer whose training fails is told of by its ring, and the round goes on', async (t) => {
  const pool = tinyPool({
    clients: 4,
    beforeTraining({ client, round }) {
      if (client === 2 && round === 2) throw mishap('MISHAP', { client })
    },
  })
  const { rounds } = await completed({ topology: hybrid({ clients: 4 }), pool })
  t.deepEqual(
    rounds.map(({ members }) => members.length),
    [4, 3, 4],
  )
})

/** The hybrid trainer, whose code hangs at this end in this round as soon as its ring sums. */
function hangingTrainer(hangs: string, inRound: number): AnyRole {
  return changedRole(named('trainer', hybridTrainer), (role) => {
    const health = { mayHang: false, hangs: false }
    return {
      ...role,
      open(channel) {
        const opened = <Out, In>(use: ChannelUse<Out, In>) => hanging(channel(use), inRound, health)
        return role.open(Object.assign(opened, { optional: channel.optional }))
      },
      async round(state, context) {
        // Messages of the round in which it hung still wait.
        Object.assign(health, { mayHang: context.end === hangs && !health.hangs, hangs: false })
        return role.round(state, context)
      },
    }
  })
}

function hanging<Out, In>(
  channel: Channel<Out, In>,
  inRound: number,
  health: { readonly mayHang: boolean; hangs: boolean },
): Channel<Out, In> {
  const take: typeof channel.take = (fits) => {
    if (channel.name !== 'ring-channel') return channel.take(fits)
    const arrival = health.hangs ? undefined : channel.take(fits)
    const { type, round } = Object(arrival?.message)
    health.hangs ||= health.mayHang && ['agree', 'part'].includes(type) && Math.floor(round / 2 ** 30) === inRound
    return health.hangs ? undefined : arrival
  }
  return changed(channel, {
    take,
    // The assignment of the next round wakes the role.
    changed: (until?: Deadline) =>
      health.hangs && channel.name === 'ring-channel' ? new Promise(() => {}) : channel.changed(until),
  })
}

test('30 seeds: a trainer that hangs while its ring sums is left out, and costs its group half a deadline', async (t) => {
  await forSeeds(30, async (seed) => {
    const { rounds } = await completed({
      topology: hybrid({ clients: 8, groups: 2 }),
      strategy: fedAvg({ deadlineMs: 1000 }),
      roles: { trainer: hangingTrainer(`trainer-${seed % 8}`, 2) },
      system: seeded(seed),
    })
    t.deepEqual(
      rounds.map(({ members }) => members.length),
      [8, 7, 8],
      `seed ${seed}`,
    )
    t.deepEqual(rounds[1]?.notCounted, [{ end: `trainer-${seed % 8}`, reason: 'late' }])
    t.true((rounds[1]?.seconds ?? 0) >= 0.5)
  })
})
