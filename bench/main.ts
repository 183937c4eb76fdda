import { parseArgs } from 'node:util'
import { apiSuite } from './api.ts'
import type { Figure, Suite } from './figure.ts'
import { fleetSuite } from './fleet.ts'
import { jobSuite } from './job.ts'
import { kernelSuite } from './kernel.ts'
import { linkSuite } from './link.ts'
import { linkHeapSuite } from './link-heap.ts'
import { pageSuite } from './page.ts'
import { registrySuite } from './registry.ts'
import { sumSuite } from './sum.ts'
import { trainSuite } from './train.ts'

const suites: Record<string, Suite> = {
  kernel: kernelSuite,
  sum: sumSuite,
  job: jobSuite,
  train: trainSuite,
  api: apiSuite,
  page: pageSuite,
  link: linkSuite,
  'link-heap': linkHeapSuite,
  registry: registrySuite,
  fleet: fleetSuite,
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false } },
})
const unknown = positionals.filter((name) => !(name in suites))
if (unknown.length > 0) {
  console.error(`no suite ${unknown.join(', ')}; there are ${Object.keys(suites).join(', ')}`)
  process.exit(2)
}

// Ends quietly when the reader has gone, as with `npm run bench | head`.
process.stdout.on('error', () => process.exit())

const round = (value: number) => Number(value.toPrecision(4))
const report = (figure: Figure) => {
  if (values.json) return console.log(JSON.stringify(figure))
  const compared =
    figure.ratio === undefined ? '' : `  ${round(figure.ratio)}× of ${round(figure.baseline ?? Number.NaN)}`
  console.log(
    `${figure.figure.padEnd(34)} ${round(figure.value).toLocaleString('en').padStart(14)} ${figure.unit}${compared}`,
  )
}
for (const name of positionals.length > 0 ? positionals : Object.keys(suites)) await suites[name]?.(report)
