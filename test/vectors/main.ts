import { readCases } from './cases.ts'
import { type Outcome, runCase } from './run-case.ts'

const files = process.argv.slice(2)
if (files.length === 0) {
  console.error('name files of cases: npm run vectors -- vectors.json')
  process.exit(1)
}
const counts: Record<Outcome['result'], number> = { passed: 0, failed: 0, unknown: 0 }
for (const file of files) {
  const cases = await readCases(file).catch((error: Error) => {
    console.error(error.message)
    process.exit(1)
  })
  for (const each of cases) {
    const outcome = await runCase(each)
    counts[outcome.result] += 1
    console.log([each.id, outcome.result, ...('why' in outcome ? [outcome.why] : [])].join('  '))
  }
}
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.unknown} unknown`)
process.exitCode = counts.failed > 0 ? 1 : 0
