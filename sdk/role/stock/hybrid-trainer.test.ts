import test from 'ava'
import { errorFactory } from '../../../runtime/index.ts'
import { fedAvg } from '../../strategy/algorithms/server/fed-avg.ts'
import { hybrid, twoTier } from '../../tag/topologies.ts'
import { tinyPool } from '../../testing/index.ts'
import { hybridTrainer } from './hybrid-trainer.ts'
import { topAggregator } from './top-aggregator.ts'
import { completed, named, topologyContract } from './topology.contract.ts'

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
