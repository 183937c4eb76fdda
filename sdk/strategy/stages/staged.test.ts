import test from 'ava'
import { memoryStore, virtualClock } from '../../../runtime/index.ts'
import { hierarchical, twoTier } from '../../tag/topologies.ts'
import { type RehearsalOptions, rehearse } from '../../testing/index.ts'
import { fedAvg } from '../algorithms/server/index.ts'
import { choicesOf, chosenAlgorithm } from '../chosen-algorithm.ts'

const clients = 5
const secret = new Uint8Array(32).fill(3)

const algorithm = (stages: string) => chosenAlgorithm(fedAvg({ fraction: 0.6 }), choicesOf({ stages }))

async function hashes(options: Omit<RehearsalOptions, 'topology'> & Partial<RehearsalOptions>) {
  const system = { clock: virtualClock() }
  const run = await rehearse({
    topology: twoTier({ clients }),
    rounds: 4,
    drawSecret: () => secret,
    system,
    ...options,
  })
  return { ...run, hashes: run.rounds.map(({ hash }) => hash) }
}

test('stages give the same bits in every topology, in a run that ended in between, and asked again', async (t) => {
  for (const stages of ['clip:0.1,top-k:0.4', 'random-k:0.5:errorFeedback=on,qsgd', 'noise:0.1', 'scaled-sign']) {
    const strategy = algorithm(stages)
    const whole = await hashes({ strategy, checkDeterminism: true })
    t.is(whole.state, 'completed', String(whole.cause))
    t.deepEqual((await hashes({ strategy, topology: hierarchical({ clients, groups: 2 }) })).hashes, whole.hashes)
    const store = memoryStore()
    const first = await hashes({
      strategy,
      store,
      onRound: ({ round }, system) => void (round === 2 && system.terminate()),
    })
    t.true(first.hashes.length < 4)
    t.is((await hashes({ strategy, store })).hashes.at(-1), whole.hashes.at(-1), stages)
  }
})

test('stages change the rounds of their algorithm, and another order of them is another algorithm', async (t) => {
  const found = await Promise.all(
    ['clip:0.1,top-k:0.4', 'top-k:0.4,clip:0.1', 'clip:0.1'].map(async (stages) => {
      const { hashes: all } = await hashes({ strategy: algorithm(stages) })
      return all.at(-1)
    }),
  )
  const plain = await hashes({ strategy: fedAvg({ fraction: 0.6 }) })
  t.is(new Set([...found, plain.hashes.at(-1)]).size, 4)
})

test('another secret draws another noise', async (t) => {
  const strategy = algorithm('noise:0.1')
  const [one, other] = await Promise.all([
    hashes({ strategy }),
    hashes({ strategy, drawSecret: () => new Uint8Array(32).fill(4) }),
  ])
  t.not(one.hashes[0], other.hashes[0])
})
