import test from 'ava'
import { memoryStore, seededScheduler, virtualClock } from '../runtime/index.ts'
import { fedAvg, hierarchical, type PoolTrainingRequest, randomStream, twoTier } from '../sdk/index.ts'
import { forSeeds, rehearse, tinyPool } from '../sdk/testing/index.ts'

const clients = 5
const rounds = 3
const strategy = fedAvg({ fraction: 0.6 })

/**
 * Makes a function that throws at most twice for each name, as a seed decides: fewer times than a role is run again.
 */
function passingFaults(seed: number) {
  const failures = new Map<string, number>()
  return (name: string) => {
    const left = failures.get(name) ?? randomStream(seed, name).below(5) - 2
    failures.set(name, left - 1)
    if (left > 0) throw new Error(`a passing fault of ${name}`)
  }
}

test('1,000 seeds: whatever the order of messages and wherever a role fails, the hashes are those of a calm run', async (t) => {
  const calm = await rehearse({
    topology: twoTier({ clients }),
    strategy,
    pool: tinyPool({ clients }),
    store: memoryStore(),
    rounds,
  })
  const expected = calm.rounds.map(({ hash }) => hash).join()
  let failures = 0
  await forSeeds(1000, async (seed) => {
    const fail = passingFaults(seed)
    const failing = (name: string) => {
      try {
        fail(name)
      } catch (error) {
        failures += 1
        throw error
      }
    }
    let evaluations = 0
    const pool = tinyPool({
      clients,
      beforeTraining: ({ end, round }: PoolTrainingRequest) => failing(`${end} in round ${round}`),
      beforeEvaluation: () => failing(`evaluation ${Math.floor(evaluations++ / 3)}`),
    })
    const run = await rehearse({
      topology: seed % 2 === 0 ? twoTier({ clients }) : hierarchical({ clients, groups: 1 + (seed % 3) }),
      strategy,
      pool,
      store: memoryStore(),
      rounds,
      system: { scheduler: seededScheduler(seed), clock: virtualClock() },
    })
    if (run.state !== 'completed') throw new Error(`the job ended ${run.state}: ${String(run.cause)}`)
    const hashes = run.rounds.map(({ hash }) => hash).join()
    if (hashes !== expected) throw new Error(`hashes ${hashes}, expected ${expected}`)
  })
  t.true(failures > 1000 || process.env.SEED !== undefined, `${failures} faults`)
})

test('300 seeds: a job stopped after a random round by the end of its system goes on to the same hashes', async (t) => {
  const calm = await rehearse({
    topology: twoTier({ clients }),
    strategy,
    pool: tinyPool({ clients }),
    store: memoryStore(),
    rounds,
  })
  const expected = calm.rounds.at(-1)?.hash
  await forSeeds(300, async (seed) => {
    const store = memoryStore()
    const job = { topology: hierarchical({ clients }), strategy, pool: tinyPool({ clients }), store, rounds }
    const last = 1 + (seed % rounds)
    await rehearse({
      ...job,
      system: { scheduler: seededScheduler(seed), clock: virtualClock() },
      onRound: ({ round }, system) => void (round === last && system.terminate()),
    })
    const resumed = await rehearse(job)
    const hash = resumed.rounds.at(-1)?.hash ?? expected
    if (resumed.state !== 'completed' || hash !== expected) throw new Error(`it ended ${resumed.state} with ${hash}`)
  })
  t.pass()
})
