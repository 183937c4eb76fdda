import trivial from '../../examples/trivial/workload.ts'
import { type ActorContext, actorSystem } from '../../runtime/index.ts'
import { inlinePool, prepareJob, type RoundSurroundings, type TaskReport, type Update } from '../../sdk/index.ts'
import { activate, type DeviceHost } from '../../simulations/fleet/device-life.ts'
import { fleetPlan } from '../../simulations/fleet/fleet-plan.ts'
import { Flight, type Landing } from '../../simulations/fleet/flight.ts'
import { FleetClock } from '../../simulations/fleet/timetable.ts'

/**
 * Program: activates devices as the trainer role in the role host, with a pool that answers at once, and prints as JSON the
 * microseconds of processor time of an activation, and the bytes of heap of a device while its training is under way.
 */
const together = 16
const [warmUps, counted, held] = [20_000, 100_000, 5_000]
const collect = globalThis.gc ?? (() => {})

const topology = trivial.topology({ ...trivial.settings, clients: 2 })
const plan = fleetPlan(topology, trivial)
const job = await prepareJob(
  {
    ...{
      run: 'activation',
      workload: trivial,
      schema: plan.schema,
      hyperparameters: { seed: 1 },
      clients: plan.devices,
    },
    fewestTrainers: () => plan.devices,
    requirePool() {},
  },
  { poolOf: ({ settings, seed }) => inlinePool(trivial, settings, seed) },
  new AbortController().signal,
)
const weights = await job.pool.initialWeights()
const update: Update = { delta: new Float32Array(weights.length), samples: 1, metrics: {} }
let under: Promise<Update> = Promise.resolve(update)
const pool = { ...job.pool, train: () => under }
const clock = new FleetClock(() => 0)
const system = actorSystem({ clock })
const context = await new Promise<ActorContext<TaskReport>>((resolve) => {
  system.spawn<TaskReport>('fleet', (own) => {
    resolve(own)
    return () => {}
  })
})
const [group] = plan.groups
if (!group) throw new RangeError('no group of devices')
const { run, seed, settings, strategy } = job
const surroundings: RoundSurroundings = {
  ...{ job: run, seed, settings, pool, strategy, reports: context.self, checkDeterminism: false, interruptible: false },
}
const host: DeviceHost = {
  ...{ actor: context, job: surroundings, task: group.task },
  ownOf: () => ({ load: () => undefined, async save() {} }),
  secretOf: () => new Uint8Array(32),
}
const landing: Landing = { landed() {}, wasted() {}, lost() {} }
let order = 0

/** One activation, to its answer. */
function activated(): Promise<void> {
  const device = order++
  const message = { type: 'train', round: 1 + device, weights, terms: {}, selected: [] }
  const facts = { start: 0, received: 0, expected: 0 }
  const flight = new Flight({
    order: device,
    work: device,
    device,
    end: `trainer-${device}`,
    landing,
    message,
    ...facts,
  })
  return new Promise((resolve, reject) => {
    flight.replied = () => {
      if (flight.reply && 'failure' in flight.reply) reject(flight.reply.failure)
      else resolve()
    }
    activate(flight, host, 0)
  })
}

async function activations(count: number): Promise<void> {
  for (let done = 0; done < count; done += together) await Promise.all(Array.from({ length: together }, activated))
}

await activations(warmUps)
const before = process.cpuUsage()
await activations(counted)
const { user, system: kernel } = process.cpuUsage(before)

let release: (given: Update) => void = () => {}
under = new Promise((resolve) => {
  release = resolve
})
collect()
const dormant = process.memoryUsage().heapUsed
const working = Promise.all(Array.from({ length: held }, activated))
// The trainings are under way after a few turns.
for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
collect()
const active = process.memoryUsage().heapUsed
release(update)
await working
await system.terminate()
console.log(JSON.stringify({ microseconds: (user + kernel) / counted, bytes: (active - dormant) / held }))
