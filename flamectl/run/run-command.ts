import { Command, Option } from 'commander'
import { bundler } from '../../sdk/workload/load/index.ts'
import type { CommandContext } from '../command-context.ts'
import { onStopSignals } from '../exit.ts'
import { counted } from '../output/phrases.ts'
import { assertNoFile, defaultFolder, withoutPassword } from '../state-folder.ts'
import { datasetPaths, givenSettings, type RawRunOptions, runOptions } from './run-options.ts'

/** The option `--data` of commands that run a workload here. */
const dataHelp = "paths of data that the workload's `data` asks for by name, or by the number of a client"

/** `flamectl run`: runs a job of a workload in one process. */
export function runCommand({ user, print }: CommandContext, argv: readonly string[]): Command {
  return new Command('run')
    .description('run a job of a workload, with all its parts in this process, or with its tasks in several')
    .argument('<workload>', 'folder of the workload, or its module')
    .option('--set <name=value,...>', 'override settings of the workload', (value: string, before: string[] = []) => [
      ...before,
      value,
    ])
    .option('--seed <number>', 'seed of all randomness of the job (default 1)')
    .option(
      '--workers <number>',
      'worker threads that train; 0 trains in the main thread (default: one a core, at most 8)',
    )
    .option('--store <folder or URL>', 'place of the state: a folder, or mongodb://host:port/database', defaultFolder)
    .option('--models <folder>', 'folder of the models (default: models in the folder of the store, or in .flame)')
    .addOption(
      new Option(
        '--registry <address>',
        'registry of the models: files:FOLDER, memory:, mlflow:http://HOST:PORT, or s3://BUCKET/PREFIX?endpoint=URL',
      ).env('FLAME_REGISTRY'),
    )
    .option(
      '--base-model <address>',
      'model with which the job begins: a folder, a file, s3://BUCKET/FOLDER?endpoint=URL, or mlflow:http://HOST:PORT?model=NAME&version=3',
    )
    .option('--upload-wait <seconds>', 'longest wait for that registry at the end, should it be away', '300')
    .option(
      '--spool-models <number>',
      'most models that wait here for that registry, should it be away; then the job waits (default: any number)',
    )
    .option(
      '--keep <which>',
      'rounds whose models are kept: all, or a list of last, best (by accuracy, else by loss) and every so many, for example last=5,best=1,every=10 or best,3',
      'all',
    )
    .option('--data <name=path...>', dataHelp)
    .option('--plot <file>', 'write the metrics by round as a picture, an SVG file, when the run has ended')
    .option('--shared', 'let other accounts of this machine in: to the control plane of the run, and to its state')
    .option('--resume', 'go on with the latest job of this workload in the store')
    .option(
      '--check',
      'run each round and each selection twice, make data and topology twice, and compare: finds parts that are not reproducible',
    )
    .option(
      '--hosts <processes:number>',
      'host the tasks in that many processes of this machine, but for the topmost aggregators; --workers is then for each process (default 1)',
    )
    .option(
      '--transport <which>',
      'how these processes are joined: ws, mqtt by a broker in this process, or the URL of a broker, mqtt://… (default ws)',
    )
    .option('--json', 'one JSON object on each line, as -o json')
    .action(async (workload: string, raw: RawRunOptions) => {
      const options = runOptions(workload, raw, print.format)
      await assertNoFile('--models', options.models)
      // Only this command loads these modules. The bundler starts while they are loaded.
      bundler().catch(() => {})
      const { runWorkload } = await import('./run-workload.ts')
      const stop = new AbortController()
      onStopSignals((status) => {
        process.exitCode = status
        stop.abort()
      })
      await runWorkload(options, await user(), resumeCommand(argv), stop.signal)
    })
}

/** The command that goes on with a run. */
export function resumeCommand(argv: readonly string[]): string {
  const words = argv.includes('--resume') ? argv : [...argv, '--resume']
  return [
    'flamectl',
    ...words
      .map(withoutPassword)
      .map((word) => (/^[\w./:=,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`)),
  ].join(' ')
}

/** `flamectl check`: checks a workload and names the software that would train it. Writes nothing. */
export function checkCommand({ print }: Pick<CommandContext, 'print'>): Command {
  return new Command('check')
    .description('say whether a workload is in order, and whether the engine or TensorFlow.js would train its model')
    .argument('<workload>', 'folder of the workload, or its module')
    .option('--set <name=value,...>', 'override settings of the workload', (value: string, before: string[] = []) => [
      ...before,
      value,
    ])
    .option('--data <name=path...>', dataHelp)
    .option('--json', 'one JSON object on one line')
    .action(async (workload: string, raw: Pick<RawRunOptions, 'set' | 'data' | 'json'>) => {
      const given = givenSettings(raw.set ?? [])
      const paths = datasetPaths(raw.data ?? [])
      const { checkWorkload } = await import('./check-workload.ts')
      const found = await checkWorkload(workload, given, { paths })
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
