import test from 'ava'
import { fedAvg } from '../../strategy/algorithms/server/fed-avg.ts'
import { coordinated, twoTier } from '../../tag/topologies.ts'
import { coordinator } from './coordinator.ts'
import { middleAggregator } from './middle-aggregator.ts'
import { topAggregator } from './top-aggregator.ts'
import { completed, topologyContract } from './topology.contract.ts'
import { trainer } from './trainer.ts'

topologyContract(test, 'a coordinated topology', {
  topologyOf: coordinated,
  roles: {
    'top-aggregator': topAggregator,
    'middle-aggregator': middleAggregator,
    coordinator,
    trainer,
  },
  leaving: ['trainer-0', 'trainer-3', 'middle-aggregator-0', 'middle-aggregator-1'],
  staying: ['top-aggregator-0', 'coordinator-0'],
})

test('a selection among paired trainers is that of two tiers', async (t) => {
  const strategy = fedAvg({ fraction: 0.5 })
  const run = await completed({ topology: coordinated({ clients: 8, replicas: 3 }), strategy })
  const flat = await completed({ topology: twoTier({ clients: 8 }), strategy })
  t.deepEqual(
    run.rounds.map(({ hash }) => hash),
    flat.rounds.map(({ hash }) => hash),
  )
})
