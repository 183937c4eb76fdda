import { parseArgs } from 'node:util'
import { checkSchedule, compared } from './schedules.ts'

/** Program: compares the models of all topologies for many seeds. Exit status 1 at the first seed that fails. */
const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '1000' }, from: { type: 'string', default: '0' } },
})
const from = Number(values.from)
const to = from + Number(values.seeds)
console.log(`seeds ${from} to ${to - 1}: ${compared.join(', ')}`)
for (let seed = from; seed < to; seed++) {
  try {
    await checkSchedule(seed)
  } catch (error) {
    console.error(`seed ${seed} fails; repeat it with npm run schedules -- --from ${seed} --seeds 1: ${String(error)}`)
    process.exitCode = 1
    break
  }
  if ((seed + 1 - from) % 100 === 0) console.log(`${seed + 1 - from} of ${to - from}`)
}
