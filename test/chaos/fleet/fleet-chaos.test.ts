import test from 'ava'
import { fleetChaos } from './fleet-chaos.ts'

// `npm run chaos -- fleet` kills trees, too.
for (const name of ['fedavg', 'fedbuff', 'scaffold'])
  test(`a fleet that is killed at random instants goes on to the same bits and virtual times: ${name}`, async (t) => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    t.is(await fleetChaos(name, { kills: 1, seed, report: t.log }), 0)
  })
