import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { capacity } from '../capacity/capacity.ts'
import { experimentNames, roundsToTarget } from './fedavg-mnist/rounds-to-target.ts'
import { series } from './series/series.ts'
import { adult } from './studies/adult.ts'
import { attackers } from './studies/attackers.ts'
import { fleet } from './studies/fleet.ts'
import { heart } from './studies/heart.ts'
import { niid } from './studies/niid.ts'
import { privacy } from './studies/privacy.ts'
import { shakespeare } from './studies/shakespeare.ts'

const studies = [heart, adult, niid, attackers, privacy, fleet, shakespeare]
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string', default: '' },
    seeds: { type: 'string', default: '' },
    rates: { type: 'string', default: '' },
    quick: { type: 'boolean', default: false },
    folder: { type: 'string', default: fileURLToPath(new URL('../../../docs/reproduction/', import.meta.url)) },
  },
})
const [name = ''] = positionals
const listed = (text: string) => text.split(',').filter((part) => part !== '')
const only = listed(values.only)
const seeds = listed(values.seeds).map(Number)
const folder = `${values.folder.replace(/\/+$/, '')}/`
const study = studies.find((each) => each.name === name)
const isUnknown =
  name === 'fedavg-mnist' ? only.some((each) => !experimentNames.includes(each)) : !study && name !== 'capacity'
if (isUnknown || seeds.some(Number.isNaN)) {
  const names = ['fedavg-mnist', ...studies.map((each) => each.name), 'capacity'].join('|')
  console.error(`usage: npm run repro -- <${names}> [--only text,…] [--seeds 1,2] [--quick] [--rates 0.1]`)
  console.error(`experiments of fedavg-mnist, which alone has --rates, and no --quick: ${experimentNames.join(', ')}`)
  process.exit(2)
}
if (name === 'capacity') {
  const file = fileURLToPath(new URL('../../../docs/capacity.json', import.meta.url))
  await capacity({ quick: values.quick, file, report: console.log })
} else if (study) await series(study, { only, seeds, quick: values.quick, folder, report: console.log })
else {
  const rates = listed(values.rates).map(Number)
  await roundsToTarget({ only, seeds: seeds.length > 0 ? seeds : [1, 2, 3], rates, folder })
}
