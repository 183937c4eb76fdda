import trivial from '../../examples/trivial/workload.ts'
import { fedBuff, hierarchical } from '../../sdk/index.ts'
import { behaviourFrom, type FleetResult, type SimulateOptions, simulate } from '../../simulations/index.ts'
import type { Check } from './capacity-tables.ts'
import { capacityPlan, type Demand, demands } from './plan.ts'

/** Virtual time after which a fleet's rates are steady. */
const settledMs = 20 * 60_000

/** Virtual hours that are simulated, by number of devices. Larger fleets of the plan aren't simulated. */
const hoursOf: ReadonlyMap<number, number> = new Map([
  [1e4, 24],
  [1e5, 6],
  [1e6, 1.5],
  [1e7, 0.6],
])

/** Aggregators at the leaves of the simulated tree, and the share of the time in which each is to be busy. */
const [leaves, busy] = [4, 0.6]

/** The weights of the simulated learner, which does almost nothing. */
const modelBytes = 4_000

/** Simulates fleets of the plan with the real roles, and compares their rates with the plan's. */
export async function capacityChecks(mostDevices: number, told: (check: Check) => void): Promise<readonly Check[]> {
  const checks: Check[] = []
  const note = (check: Check) => {
    checks.push(check)
    told(check)
  }
  for (const demand of demands) {
    const hours = hoursOf.get(demand.devices)
    if (hours === undefined || demand.devices > mostDevices) continue
    await checkRates({ ...demand, modelBytes }, hours, note)
  }
  const tree = demands.find(({ devices }) => devices === Math.min(1e6, mostDevices))
  if (tree) await checkTree({ ...tree, modelBytes }, note)
  return checks
}

async function checkRates(demand: Demand, hours: number, note: (check: Check) => void): Promise<void> {
  const { devices } = demand
  const plan = capacityPlan(demand)
  const { counted, received, sent, seconds, versions } = steady(
    await simulated(demand, {
      hours,
      concurrency: Math.round(plan.concurrency),
      bufferSize: demand.updatesOfVersion,
    }),
  )
  note({ devices, figure: 'updates/s', plan: plan.updates, simulated: counted / seconds })
  note({ devices, figure: 'versions/hour', plan: plan.versionsPerHour, simulated: (3600 * versions) / seconds })
  note({ devices, figure: 'bytes/s down', plan: plan.down / plan.peakFactor, simulated: received / seconds })
  note({ devices, figure: 'bytes/s up', plan: plan.up / plan.peakFactor, simulated: sent / seconds })
}

/** A tree whose leaves take so many updates a second that each is to be busy for a given share of the time. */
async function checkTree(demand: Demand, note: (check: Check) => void): Promise<void> {
  const { devices, updatesOfBuffer } = demand
  const plan = capacityPlan(demand)
  const updates = plan.updates / leaves / busy
  const buffers = plan.updates / updatesOfBuffer / busy
  const result = await simulated(demand, {
    hours: hoursOf.get(devices) ?? 1,
    concurrency: Math.round(plan.concurrency / leaves),
    bufferSize: Math.max(1, Math.round(demand.updatesOfVersion / updatesOfBuffer)),
    more: {
      aggregators: { roles: { 'middle-aggregator': { updates }, 'top-aggregator': { updates: buffers } } },
    },
    isTree: true,
  })
  const shares = (role: string) =>
    (result.aggregators ?? []).filter(({ end }) => end.startsWith(role)).map((figures) => figures.busy.updates)
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const { counted, seconds } = steady(result)
  note({ devices, figure: `updates/s by ${leaves} leaf aggregators`, plan: plan.updates, simulated: counted / seconds })
  note({
    devices,
    figure: 'share of the time in which a leaf takes updates',
    plan: busy,
    simulated: mean(shares('middle')),
  })
  note({
    devices,
    figure: 'share of the time in which the top takes buffers',
    plan: busy,
    simulated: mean(shares('top')),
  })
}

interface Simulation {
  readonly hours: number
  readonly concurrency: number
  readonly bufferSize: number
  readonly isTree?: boolean
  readonly more?: Pick<SimulateOptions, 'aggregators'>
}

async function simulated(
  { devices, peak, workSeconds, lost, updatesOfBuffer }: Demand,
  { hours, concurrency, bufferSize, isTree = false, more }: Simulation,
): Promise<FleetResult> {
  // A client has one example. The mean of the works' times is that of a log-normal distribution.
  const [sigma, day] = [0.5, 0.1]
  const median = Math.exp(sigma ** 2 / 2) / workSeconds
  const speed = `lognormal:${median},${sigma}`
  const topology: typeof trivial.topology = ({ clients }) => {
    if (isTree) return hierarchical({ clients, groups: leaves })
    const { schema } = trivial.topology({ ...trivial.settings, clients: 1 })
    return { schema, dataSpec: [{ role: 'trainer', datasetGroups: { default: [{ dataset: '0', count: clients }] } }] }
  }
  const strategy = () => fedBuff({ bufferSize, concurrency, ...(isTree && { middleBufferSize: updatesOfBuffer }) })
  const run = await simulate(
    { ...trivial, topology, strategy },
    {
      ...{ devices, hours, settings: { rounds: 1e6 }, keep: { last: 1 }, ...more },
      behaviour: behaviourFrom({ availability: `diurnal:${peak},${day}`, speed, dropout: String(lost) }, { seed: 1 }),
    },
  )
  const result = await run.result
  if (result.state === 'failed') throw result.cause
  return result
}

/** The events from the first version after the beginning to the last one. */
function steady({ history }: FleetResult) {
  const from = history.findIndex(({ at }) => at >= settledMs)
  const rounds = history.slice(from + 1)
  const sum = (of: (round: FleetResult['history'][number]) => number) =>
    rounds.reduce((total, round) => total + of(round), 0)
  return {
    seconds: ((rounds.at(-1)?.at ?? Number.NaN) - (history[from]?.at ?? Number.NaN)) / 1000,
    versions: rounds.length,
    counted: sum(({ counted }) => counted),
    received: sum(({ received }) => received),
    sent: sum(({ sent }) => sent),
  }
}
