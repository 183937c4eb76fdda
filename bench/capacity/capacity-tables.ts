import { type CapacityPlan, capacityPlan, type Demand, demands, limits, unitCosts } from './plan.ts'

type Row = readonly [name: string, value: (plan: CapacityPlan, demand: Demand) => string]

const rows: readonly Row[] = [
  ['connected devices at the peak', ({ connected }) => quantity(connected)],
  ['devices at work', ({ concurrency }) => quantity(concurrency)],
  ['updates/s, mean', ({ updates }) => quantity(updates)],
  ['updates/s, peak', ({ updates, peakFactor }) => quantity(updates * peakFactor)],
  ['updates of a version', (_, { updatesOfVersion }) => quantity(updatesOfVersion)],
  ['versions/hour', ({ versionsPerHour }) => quantity(versionsPerHour)],
  ['bytes/s down, peak', ({ down }) => bytes(down)],
  ['bytes/s up, peak', ({ up }) => bytes(up)],
  ['frames/s of a broker, peak', ({ frames }) => quantity(frames)],
  ['bytes/s through a broker, peak', ({ down, up }) => bytes(down + up)],
  ['leaf aggregators', ({ leaves }) => quantity(leaves)],
  ['set by their', ({ leavesBy }) => leavesBy],
  ['cores for updates, all leaves, peak', ({ leafWork }) => quantity(leafWork)],
  ['levels of aggregators', ({ levels }) => String(levels)],
  ['core of the top for buffers, peak', ({ topWork }) => (topWork === 0 ? '' : percent(topWork))],
  ['memory of a leaf', ({ leafMemory }) => bytes(leafMemory)],
  ['decisions/s in journals', ({ decisions }) => quantity(decisions)],
  ["bytes/s of the top's snapshots", ({ topSnapshots }) => bytes(topSnapshots)],
  ["bytes/s of the leaves' snapshots", ({ leafSnapshots }) => (leafSnapshots === 0 ? '' : bytes(leafSnapshots))],
  ['models of a day in the registry', ({ registryPerDay }) => bytes(registryPerDay)],
]

/** The table of the plan: a column for each number of devices. */
export function planTable(): readonly (readonly string[])[] {
  const plans = demands.map((demand) => [capacityPlan(demand), demand] as const)
  return [
    ['devices', ...demands.map(({ devices }) => power(devices))],
    ...rows.map(([name, value]) => [name, ...plans.map(([plan, demand]) => value(plan, demand))]),
  ]
}

/** The table of the costs of one thing, and of what one aggregator's process bears. */
export function costTable(): readonly (readonly string[])[] {
  const { updateMicroseconds, linkMsOfMegabyte, sumMsOfMegabyte, linkBytes, idleMsOfMinute } = unitCosts
  const [first] = demands
  const { updatesByWork, updatesByLink } = capacityPlan(first ?? { ...noDemand })
  return [
    ['one thing', 'costs', 'measured by'],
    ['an update in the roles', `${updateMicroseconds} µs`, '`npm run bench -- job`'],
    ["a megabyte at a link's end", `${quantity(linkMsOfMegabyte)} ms`, '`npm run bench -- link`'],
    ['a megabyte in a sum', `${quantity(sumMsOfMegabyte)} ms`, '`npm run bench -- sum`'],
    [
      'an idle link',
      `${quantity(linkBytes)} B, ${quantity(1000 * idleMsOfMinute)} µs a minute`,
      '`npm run bench -- link`',
    ],
    ['updates/s of an aggregator, by a core', quantity(updatesByWork), `the above, ${percent(limits.used)} used`],
    ['updates/s of an aggregator, by its link', quantity(updatesByLink), `10 Gbit/s, ${percent(limits.used)} used`],
  ]
}

const noDemand: Demand = {
  ...{ devices: 0, modelBytes: 1, worksPerDay: 0, peak: 1, mean: 1, workSeconds: 0, lost: 0 },
  ...{ updatesOfVersion: 1, updatesOfBuffer: 1 },
}

/** A figure of the plan beside the same of a simulation with the real roles. */
export interface Check {
  readonly devices: number
  readonly figure: string
  readonly plan: number
  readonly simulated: number
}

/** The table of the checks. */
export function checkTable(checks: readonly Check[]): readonly (readonly string[])[] {
  return [
    ['devices', 'figure', 'plan', 'simulated', 'simulated ÷ plan'],
    ...checks.map(({ devices, figure, plan, simulated }) => [
      power(devices),
      figure,
      quantity(plan),
      quantity(simulated),
      (simulated / plan).toFixed(3),
    ]),
  ]
}

function power(devices: number): string {
  const digits = [...String(Math.round(Math.log10(devices)))].map((digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)])
  return `10${digits.join('')}`
}

/** Three digits of a number. */
function quantity(value: number): string {
  const rounded = Number(value.toPrecision(3))
  return rounded >= 1000 ? rounded.toLocaleString('en') : String(rounded)
}

function percent(share: number): string {
  return `${Number((100 * share).toPrecision(2))} %`
}

function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']
  const unit = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, value)) / 3)))
  return `${quantity(value / 1000 ** unit)} ${units[unit]}`
}
