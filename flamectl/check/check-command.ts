import { Command } from 'commander'
import type { CommandContext } from '../context.ts'
import { counted } from '../output/phrases.ts'
import { givenSettings, type RawRunOptions } from '../run/run-options.ts'

/** `flamectl check`: whether a workload is in order, and what would run it; nothing is written. */
export function checkCommand({ print }: Pick<CommandContext, 'print'>): Command {
  return new Command('check')
    .description('say whether a workload is in order, and what would train it')
    .argument('<workload>', 'folder of the workload, or its module')
    .option('--set <name=value,...>', 'override settings of the workload', (value: string, before: string[] = []) => [
      ...before,
      value,
    ])
    .option('--json', 'one JSON object on one line')
    .action(async (workload: string, raw: Pick<RawRunOptions, 'set' | 'json'>) => {
      const given = givenSettings(raw.set ?? [])
      const { checkWorkload } = await import('./check-workload.ts')
      const found = await checkWorkload(workload, given)
      if (raw.json) return console.log(JSON.stringify(found))
      if (print.isForPrograms) return print.one(found, found.workload)
      const { remarks, clientsChecked, ...parts } = found
      for (const [name, value] of Object.entries(parts)) console.log(`${name.padEnd(10)} ${lineOf(value)}`)
      if (clientsChecked < found.clients)
        console.log(`checked    labels and shapes of the first ${counted(clientsChecked, 'client')}`)
      for (const remark of remarks) console.log(`note       ${remark}`)
    })
}

function lineOf(value: string | number | object): string {
  if (typeof value !== 'object') return String(value)
  return Object.entries(value)
    .map(([name, part]) => `${name}=${String(part)}`)
    .join(' ')
}
