import { writeFile } from 'node:fs/promises'
import { Command } from 'commander'
import { bundler } from '../../sdk/workload/load/index.ts'
import type { CommandContext } from '../command-context.ts'
import { flamectlError } from '../errors.ts'
import { onStopSignals } from '../exit.ts'
import { jsonOf, yamlOf } from '../output/printable.ts'
import { orPlotError, requirePlotPlace } from '../run/followed-run.ts'
import { namedPlace } from '../state-folder.ts'
import { wholeNumberOf } from '../up/up-options.ts'
import { addFleetOptions, numberOf, type RawFleetOptions, seedOf } from './simulate-options.ts'
import { variantsOf } from './variants.ts'

interface RawCompareOptions extends RawFleetOptions {
  readonly variant?: readonly string[]
  readonly seeds: string
  readonly seed?: string
  readonly at?: string
  readonly to?: string
  readonly metric: string
  readonly workers?: string
  readonly plot?: string
  readonly json?: boolean
  readonly store?: string
  readonly resume?: boolean
}

/** `flamectl simulate compare`: simulates variants of fleets, each with several seeds, and prints their figures with spread. */
export function compareCommand({ print, warn }: Pick<CommandContext, 'print' | 'warn'>): Command {
  const command = new Command('compare')
    .description('simulate variants of a fleet, each with several seeds, and print their figures with their spread')
    .argument('<workloads...>', 'folders of workloads, or their modules; each is a variant, or has each --variant')
    .option(
      '--variant <name=options>',
      "a variant: a name, and after = its own settings or options, such as buffer=optimizer=fedbuff or slow='--speed 2'",
      (value: string, before: string[] = []) => [...before, value],
    )
    .option('--seeds <number>', 'number of seeds with which each variant runs', '3')
    .option('--at <hours,...>', 'virtual hours after which the metric is shown')
    .option('--to <values,...>', 'values of the metric to which the virtual hours are shown')
    .option('--metric <name>', 'metric that is compared; one whose name ends with loss should be low', 'accuracy')
  return addFleetOptions(command)
    .option('--seed <number>', 'the first seed (default 1)')
    .option(
      '--workers <number>',
      'worker threads that train; 0 trains in the main thread (default: one a core, at most 8)',
    )
    .option('--plot <file>', 'write the metric over virtual hours and rounds as a picture, an SVG file')
    .option('--json', 'one JSON object on each line, as -o json')
    .action(async (workloads: readonly string[], _: unknown, own: Command) => {
      // commander gives options that `simulate` has, too, to `simulate`.
      const raw = own.optsWithGlobals<RawCompareOptions>()
      for (const option of ['store', 'resume'] as const)
        if (raw[option] !== undefined)
          throw flamectlError('OPTION_UNUSED', {
            ...{ option: `--${option}`, where: 'in a comparison, which is in memory' },
            advice: 'leave it out',
          })
      const variants = variantsOf(workloads, raw, raw.variant ?? [])
      const seeds = wholeNumberOf('--seeds', raw.seeds, 1, 1000)
      const first = seedOf(raw.seed)
      const workers = raw.workers === undefined ? undefined : wholeNumberOf('--workers', raw.workers, 0, 256)
      const plotFile = raw.plot === undefined ? undefined : namedPlace('--plot', raw.plot, 'a file')
      const format = raw.json ? 'json' : print.format
      const aims = {
        metric: namedPlace('--metric', raw.metric, 'the name of a metric'),
        at: listOf('--at', raw.at),
        to: listOf('--to', raw.to),
      }
      if (plotFile !== undefined) await requirePlotPlace(plotFile)
      // Only this command loads these modules. The bundler starts while they are loaded.
      bundler().catch(() => {})
      const { compareVariants } = await import('./compare-variants.ts')
      const { comparisonTable, runFacts, runLine, spreads } = await import('./comparison.ts')
      const stop = new AbortController()
      onStopSignals((status) => {
        process.exitCode = status
        stop.abort()
      })
      const shown = (value: object) => {
        if (format === 'json') console.log(jsonOf(value))
        if (format === 'yaml') console.log(`---\n${yamlOf(value)}`)
      }
      const runs = await compareVariants(variants, { seeds, first, workers, aims, signal: stop.signal }, (run) => {
        shown(runFacts(run, aims))
        warn(runLine(run, aims))
      })
      const missing = runs.length < variants.length * seeds
      if (missing) warn(`stopped after ${runs.length} of ${variants.length * seeds} runs`)
      else {
        shown({ done: true, seeds, variants: Object.fromEntries(spreads(variants, runs, aims)) })
        if (format === undefined || format === 'table') console.log(comparisonTable(variants, runs, aims))
        if (format === 'name') for (const { name } of variants) console.log(name)
      }
      if (plotFile !== undefined && runs.some(({ history }) => history.some((round) => aims.metric in round.metrics))) {
        const { plot } = await import('../../simulations/index.ts')
        const drawn = runs.map(({ variant, history }) => ({ label: variant, history }))
        const options = { metrics: [aims.metric], by: ['hours', 'round'] } as const
        await orPlotError(plotFile, () => writeFile(plotFile, plot(drawn, options)))
      }
    })
}

function listOf(option: string, given: string | undefined): readonly number[] {
  if (given === undefined) return []
  const numbers = given.split(',').map((each) => numberOf(option, each))
  if (new Set(numbers).size === numbers.length) return numbers
  throw flamectlError('OPTION_VALUE', { option, expected: 'numbers that differ', given: JSON.stringify(given) })
}
