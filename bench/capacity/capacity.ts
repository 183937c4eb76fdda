import { writeFile } from 'node:fs/promises'
import { tableOf } from '../../test/docs/markdown.ts'
import { capacityChecks } from './capacity-checks.ts'
import { checkTable, costTable, planTable } from './capacity-tables.ts'

interface CapacityOptions {
  /** Simulates the small fleets alone, and writes nothing. */
  readonly quick: boolean
  /** Where the simulated figures go, from which `npm run docs` writes docs/capacity.md. */
  readonly file: string
  readonly report: (line: string) => void
}

/** Prints the plan of docs/capacity.md, and checks it by simulations with the real roles. */
export async function capacity({ quick, file, report }: CapacityOptions): Promise<void> {
  report(`${tableOf(planTable())}\n\n${tableOf(costTable())}\n`)
  const checks = await capacityChecks(quick ? 1e5 : 1e7, ({ devices, figure, plan, simulated }) =>
    report(`${devices} devices, ${figure}: plan ${plan.toPrecision(3)}, simulated ${simulated.toPrecision(3)}`),
  )
  report(`\n${tableOf(checkTable(checks))}`)
  if (!quick) await writeFile(file, `${JSON.stringify({ checks }, undefined, 2)}\n`)
}
