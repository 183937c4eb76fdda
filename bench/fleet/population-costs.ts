import { randomStream } from '../../sdk/index.ts'
import { type OortMemory, oortSelector } from '../../sdk/strategy/selectors/oort-selector.ts'
import { DeviceColumns, DevicePopulation } from '../../simulations/fleet/device-population.ts'
import { onOff } from '../../simulations/index.ts'
import { median } from '../median.ts'

const rows = 1_000_000

/** Milliseconds of processor time of a selection by Oort among a million known devices, and bytes that it keeps for each. */
export function oortCosts(): { readonly ms: number; readonly bytes: number } {
  const columns = new DeviceColumns(rows)
  const population = new DevicePopulation('trainer', { first: 0, end: rows }, { columns, clock: { now: () => 0 } })
  const selector = oortSelector({ count: 1_000, roundThreshold: 30, alpha: 2, pacerStep: 20, pacerDelta: 10 })
  const draws = randomStream(1, 'oort')
  const known = {
    utility: population.known('utility'),
    seconds: population.known('seconds'),
    last: population.known('last'),
  }
  const before = bytesOf(population)
  for (let row = 0; row < rows; row++) {
    known.utility[row] = 100 * draws.uniform()
    known.seconds[row] = 1 + 50 * draws.uniform()
    known.last[row] = 1 + draws.below(100)
  }
  const memory: OortMemory = { round: 100, exploration: 0.2, threshold: 30, exploited: [] }
  const times = new Float64Array(15)
  for (let turn = -3; turn < times.length; turn++) {
    const began = process.cpuUsage()
    selector.select(population, randomStream(1, turn + 3, 'select'), memory)
    if (turn >= 0) times[turn] = cpuMs(began)
  }
  // A selection keeps the rows of known devices until its end.
  return { ms: median(times), bytes: before / rows + 4 }
}

function bytesOf(population: DevicePopulation): number {
  return Object.values(population.memory.known).reduce((sum, { byteLength }) => sum + byteLength, 0)
}

function cpuMs(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since)
  return (user + system) / 1000
}

/** Nanoseconds of processor time of a look whether a device is available, by the model `on-off`. */
export function onOffCost(): number {
  const availability = onOff({ on: 60, off: 600 }, { seed: 1 })
  const looks = 2_000_000
  const times = new Float64Array(7)
  let found = 0
  for (let turn = -1; turn < times.length; turn++) {
    const at = 3_600_000 * (2 + turn)
    const began = process.cpuUsage()
    for (let look = 0; look < looks; look++)
      if (availability.isAvailable(Math.imul(look, 0x9e3779b1) >>> 12, at)) found += 1
    if (turn >= 0) times[turn] = (1e6 * cpuMs(began)) / looks
  }
  if (found === 0) throw new RangeError('nobody is available')
  return median(times)
}
