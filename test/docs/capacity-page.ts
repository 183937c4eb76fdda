import { readFile } from 'node:fs/promises'
import { type Check, checkTable, costTable, planTable } from '../../bench/capacity/capacity-tables.ts'
import { tableOf } from './markdown.ts'

/** docs/capacity.md, whose tables are computed: the plan from its functions, the checks from docs/capacity.json. */
export async function capacityPage(): Promise<string> {
  const { checks }: { readonly checks: readonly Check[] } = JSON.parse(await readFile('docs/capacity.json', 'utf8'))
  const tables = { plan: planTable(), costs: costTable(), checks: checkTable(checks) }
  let page = await readFile('docs/capacity.md', 'utf8')
  for (const [name, rows] of Object.entries(tables)) {
    const [begin, end] = [`<!-- computed: ${name} -->`, `<!-- end of ${name} -->`]
    const [before = '', rest = ''] = page.split(begin)
    page = `${before}${begin}\n\n${tableOf(rows)}\n\n${end}${rest.split(end)[1] ?? '\n'}`
  }
  return page
}
