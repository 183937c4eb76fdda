import test from 'ava'
import { randomStream } from '../random/random-stream.ts'
import { fedAvg } from './fed-avg.ts'
import { fedProx } from './fed-prox.ts'

test('FedAvg moves the weights by the mean delta', (t) => {
  const { optimizer } = fedAvg()
  const weights = Float32Array.of(1, 2)
  optimizer.step(weights, Float32Array.of(0.5, -0.25), optimizer.init(2))
  t.deepEqual(weights, Float32Array.of(1.5, 1.75))
})

test('FedProx is FedAvg with a proximal term for the trainers', (t) => {
  t.like(fedProx({ mu: 0.1, quorum: 0.5 }), { name: 'fedprox', localTerms: { proximal: 0.1 }, quorum: 0.5 })
})

test('settings out of range are refused, named with what was expected', (t) => {
  for (const [settings, name] of [
    [{ fraction: 0 }, 'fraction'],
    [{ fraction: 1.1 }, 'fraction'],
    [{ fraction: Number.NaN }, 'fraction'],
    [{ quorum: 0 }, 'quorum'],
    [{ deadlineMs: 0 }, 'deadlineMs'],
    [{ minimumUpdates: 0 }, 'minimumUpdates'],
    [{ minimumUpdates: 1.5 }, 'minimumUpdates'],
    [{ quantumBits: 52 }, 'quantumBits'],
    [{ quantumBits: 12.5 }, 'quantumBits'],
  ] as const) {
    t.like(
      t.throws(() => fedAvg(settings)),
      { code: 'STRATEGY_SETTING', values: { name } },
    )
  }
  t.throws(() => fedProx({ mu: -1 }), { code: 'STRATEGY_SETTING' })
})

test('FedAvg with fraction 1 selects all, and less a random subset', (t) => {
  const ends = ['a', 'b', 'c', 'd']
  t.deepEqual(fedAvg().selector.select(ends, randomStream(1)), ends)
  t.is(fedAvg({ fraction: 0.5 }).selector.select(ends, randomStream(1)).length, 2)
})
