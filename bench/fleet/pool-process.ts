import { accumulator, choicesOf, fedBuff, type Workload } from '../../sdk/index.ts'
import { loadWorkload, poolFor } from '../../sdk/node/index.ts'
import { behaviourFrom, simulate } from '../../simulations/index.ts'

/**
 * Program: trains the 2NN on devices with 20 pictures each, in this thread, by the pool alone and in a fleet, in turns, and
 * prints samples by second of processor time, and the most updates of the fleet that waited to be added, as JSON.
 */
const [devices, samples, ahead, turns] = [2_000, 20, 16, 3]
const [bufferSize, concurrency, rounds] = [100, 1_000, 8]
const path = new URL('../repro/studies/images.workload.js', import.meta.url).pathname
const loaded = await loadWorkload(path)
const { workload } = loaded
const settings = {
  ...workload.settings,
  ...{ model: '2nn', partition: `draw:${samples}`, training: 2_000, test: 20, batch: 10, clients: devices },
}
const cpuSeconds = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

/** Samples of a second of processor time, of the pool with the sums of its updates. */
async function bare(): Promise<number> {
  const pool = await poolFor({ ...loaded, settings, seed: 1, workers: 0 })
  const weights = await pool.initialWeights()
  const sum = accumulator({ layout: pool.layout, name: 'bare' })
  const train = async (client: number) => {
    const end = `trainer-${client}`
    const { delta } = await (pool.trainHeld?.bind(pool) ?? pool.train.bind(pool))({
      client,
      end,
      round: 1,
      weights,
      terms: {},
    })
    sum.add({ end, delta, weight: 1 })
  }
  let began = 0
  const count = bufferSize * (rounds - 1)
  for (let client = 0; client < bufferSize + count; client += ahead) {
    if (began === 0 && client >= bufferSize) began = cpuSeconds()
    await Promise.all(Array.from({ length: ahead }, (_, next) => train((client + next) % devices)))
  }
  await sum.settle()
  const rate = (count * samples) / (cpuSeconds() - began)
  await pool.close()
  return rate
}

let [trained, added, mostWaiting] = [0, 0, 0]
/** The workload with counts of trainings and of updates that were added. */
const watched: Workload = {
  ...workload,
  async learner(given) {
    const learner = await workload.learner(given)
    return {
      ...learner,
      async train(request) {
        const update = await learner.train(request)
        trained += 1
        mostWaiting = Math.max(mostWaiting, trained - added)
        return update
      },
    }
  },
  strategy() {
    const algorithm = fedBuff({ bufferSize, concurrency })
    const { waiting } = algorithm
    if (waiting.kind !== 'buffer') return algorithm
    const weigh = (staleness: number) => {
      added += 1
      return waiting.weigh(staleness)
    }
    return { ...algorithm, waiting: { ...waiting, weigh } }
  },
}

/** Samples of a second of processor time, of a fleet. */
async function fleet(of: string | Workload): Promise<number> {
  let [began, counted] = [0, 0]
  const { clients: _, ...own } = settings
  const run = await simulate(of, {
    ...{ devices, settings: { ...own, rounds }, ahead, workers: 0, keep: { last: 1 } },
    algorithms:
      of === watched ? {} : choicesOf({ optimizer: `fedbuff,bufferSize=${bufferSize},concurrency=${concurrency}` }),
    behaviour: behaviourFrom({ speed: 'lognormal:20,0.8' }, { seed: 1 }),
    onRound(round) {
      if (began === 0) began = cpuSeconds()
      else counted += round.counted
    },
  })
  const { state, cause } = await run.result
  if (state !== 'completed') throw cause
  return (counted * samples) / (cpuSeconds() - began)
}

const rates = { bare: new Float64Array(turns), fleet: new Float64Array(turns) }
for (let turn = 0; turn < turns; turn++) {
  rates.bare[turn] = await bare()
  rates.fleet[turn] = await fleet(path)
}
await fleet(watched)
const median = (values: Float64Array) => values.toSorted()[values.length >> 1]
console.log(JSON.stringify({ bare: median(rates.bare), fleet: median(rates.fleet), mostWaiting }))
