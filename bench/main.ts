import { parseArgs } from 'node:util'
import type { Figure, Suite } from './figure.ts'

/** Loaded one by one: code of other suites in the same heap costs the kernel up to a quarter of its speed. */
const suites: Record<string, () => Promise<Suite>> = {
  kernel: async () => (await import('./kernel.ts')).kernelSuite,
  sum: async () => (await import('./sum.ts')).sumSuite,
  job: async () => (await import('./job.ts')).jobSuite,
  train: async () => (await import('./train.ts')).trainSuite,
  api: async () => (await import('./api.ts')).apiSuite,
  page: async () => (await import('./page.ts')).pageSuite,
  link: async () => (await import('./link.ts')).linkSuite,
  'link-heap': async () => (await import('./link-heap.ts')).linkHeapSuite,
  registry: async () => (await import('./registry.ts')).registrySuite,
  fleet: async () => (await import('./fleet.ts')).fleetSuite,
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
for (const name of positionals.length > 0 ? positionals : Object.keys(suites)) {
  const suite = await suites[name]?.()
  await suite?.(report)
}
