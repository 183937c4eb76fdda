import { Command } from 'commander'
import { bundler } from '../../sdk/workload/load/index.ts'
import type { CommandContext } from '../command-context.ts'
import { onStopSignals } from '../exit.ts'
import { resumeCommand } from '../run/run-command.ts'
import { assertNoFile } from '../state-folder.ts'
import { compareCommand } from './compare-command.ts'
import { convertCommand } from './convert-command.ts'
import { addFleetOptions, type RawFleetOptions, type RawSimulateOptions, simulateOptions } from './simulate-options.ts'

/** `flamectl simulate`: simulates a fleet of devices in this process, in virtual time. */
export function simulateCommand(context: CommandContext, argv: readonly string[]): Command {
  const { print } = context
  const command = new Command('simulate')
    .description('simulate a fleet of devices in virtual time, with the roles of every other host')
    .argument('<workload>', 'folder of the workload, or its module')
    .usage('[options] <workload>')
    .addCommand(compareCommand(context))
    .addCommand(convertCommand(context))
  return addFleetOptions(command)
    .option('--seed <number>', 'seed of all randomness, the behaviour of devices included (default 1)')
    .option(
      '--workers <number>',
      'worker threads that train; 0 trains in the main thread (default: one a core, at most 8)',
    )
    .option('--store <folder>', 'folder for state and models (default: memory)')
    .option('--resume', 'go on with the run of the folder')
    .option('--keep <which>', 'rounds whose models are kept, as for run', 'all')
    .option('--plot <file>', 'write the metrics over virtual hours and rounds as a picture, an SVG file')
    .option('--json', 'one JSON object on each line, as -o json')
    .action(async (workload: string, raw: RawFleetOptions & RawSimulateOptions) => {
      const options = simulateOptions(workload, raw, print.format)
      if (options.store !== undefined) await assertNoFile('--store', options.store)
      // Only this command loads these modules. The bundler starts while they are loaded.
      bundler().catch(() => {})
      const { simulateWorkload } = await import('./simulate-workload.ts')
      const { fleetReporter } = await import('./fleet-reporter.ts')
      const stop = new AbortController()
      onStopSignals((status) => {
        process.exitCode = status
        stop.abort()
      })
      const reporter = fleetReporter(options.format, process.stdout, process.stderr)
      await simulateWorkload(options, resumeCommand(argv), stop.signal, reporter)
    })
}
