import { writeSync } from 'node:fs'
import { fleetCases, simulateCase } from './fleet-cases.ts'

/** Program: simulates a case on a folder, and prints each round as it comes. */
const [name = '', store = ''] = process.argv.slice(2)
const found = fleetCases[name]
if (!found) throw new RangeError(`no case ${name}`)
await simulateCase(found, (facts) => writeSync(1, `${facts}\n`), store)
