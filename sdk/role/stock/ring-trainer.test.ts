import test from 'ava'
import { errorFactory } from '../../../runtime/index.ts'
import { fedAvg } from '../../strategy/algorithms/server/fed-avg.ts'
import { ring, twoTier } from '../../tag/topologies.ts'
import { rehearse, tinyPool } from '../../testing/index.ts'
import { ringTrainer } from './ring-trainer.ts'
import { completed, named, topologyContract } from './topology.contract.ts'

const mishap = errorFactory({ MISHAP: { message: 'client {client} is ill', hint: 'mend it' } })
const trainers = ['trainer-0', 'trainer-1', 'trainer-2', 'trainer-3']

topologyContract(test, 'a ring', {
  topologyOf: ring,
  roles: { trainer: named('trainer', ringTrainer) },
  leaving: trainers,
  staying: trainers,
})

test('an end that is late is left out at the deadline, and goes on with the committed model', async (t) => {
  const clients = 3
  let release = () => {}
  const late = new Promise<void>((resolve) => (release = resolve))
  const run = await completed({
    topology: ring({ clients }),
    strategy: fedAvg({ deadlineMs: 20 }),
    pool: tinyPool({
      clients,
      beforeTraining({ client, round }) {
        if (client === 0 && round === 1) return late
        if (client === 1 && round === 2) release()
      },
    }),
    rounds: 4,
  })
  t.deepEqual([...new Set(run.rounds.map(({ round }) => round))], [1, 2, 3, 4])
  t.is(new Set(run.rounds.map(({ hash }) => hash)).size, 4)
  t.deepEqual(run.rounds[0]?.members, ['trainer-1', 'trainer-2'])
})

test('an end whose training fails sums without a contribution, and the round goes on', async (t) => {
  const pool = tinyPool({
    clients: 4,
    beforeTraining({ client, round }) {
      if (client === 2 && round === 2) throw mishap('MISHAP', { client })
    },
  })
  const run = await completed({ topology: ring({ clients: 4 }), pool })
  t.deepEqual(
    run.rounds.map(({ members }) => members.length),
    [4, 3, 4],
  )
  const flat = await completed({ topology: twoTier({ clients: 4 }), pool })
  t.deepEqual(
    run.rounds.map(({ hash }) => hash),
    flat.rounds.map(({ hash }) => hash),
  )
})

test('a ring that counts fewer contributions than the algorithm needs fails', async (t) => {
  const { state, cause } = await rehearse({ topology: ring({ clients: 2 }), strategy: fedAvg({ minimumUpdates: 3 }) })
  t.is(state, 'failed')
  t.like(cause, { code: 'ROLE_TOO_FEW_UPDATES' })
})
