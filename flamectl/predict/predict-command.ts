import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Command } from 'commander'
import { CodedError, fileReason } from '../../runtime/errors/index.ts'
import type { CommandContext } from '../command-context.ts'
import { flamectlError } from '../errors.ts'
import { saveWhole } from '../files/archives.ts'
import { counted } from '../output/phrases.ts'
import { datasetPaths, givenSettings } from '../run/run-options.ts'
import { namedPlace } from '../state-folder.ts'
import type { CsvColumns, KeptModel } from './predict-workload.ts'

interface RawPredictOptions {
  readonly model?: string
  readonly job?: string
  readonly round?: string
  readonly part?: string
  readonly examples?: string
  readonly id?: string
  readonly label?: string
  readonly features?: string
  readonly delimiter?: string
  readonly header: boolean
  readonly set?: readonly string[]
  readonly data?: readonly string[]
  readonly out?: string
  readonly force?: boolean
  readonly json?: boolean
}

/** `flamectl predict`: writes the answers of a kept model to examples. */
export function predictCommand({ connect, print }: Pick<CommandContext, 'connect' | 'print'>): Command {
  return new Command('predict')
    .description('write the predictions of a kept model of a workload, for the rows of a csv file or for the test set')
    .argument('<workload>', 'folder of the workload, or its module')
    .option(
      '--model <address>',
      'the model: a folder, a file, s3://BUCKET/FOLDER?endpoint=URL, or mlflow:http://HOST:PORT?model=NAME&version=3',
    )
    .option('--job <id>', 'job on a control plane that has the model, in place of --model')
    .option('--round <which>', 'with --job: number of the round, latest, or best (default latest)')
    .option('--part <name>', 'with --job: one of several models of a round: a group, or an end')
    .option('--examples <file>', "csv file with a row for each example (default: the workload's test set)")
    .option('--id <column>', 'column of the csv file that names the examples, and is no feature')
    .option('--label <column>', 'column of the csv file with the label, which is no feature')
    .option('--features <column,...>', 'columns of the features, in order (default: all but id and label)')
    .option('--delimiter <text>', 'what separates the fields of the csv file (default: a comma)')
    .option('--no-header', 'the first row of the csv file has values, and columns have numbers from 0')
    .option('--set <name=value,...>', 'override settings of the workload', (value: string, before: string[] = []) => [
      ...before,
      value,
    ])
    .option('--data <name=path...>', "paths of data that the workload's `data` asks for by name, such as its test set")
    .option('-O, --out <file>', 'file of the predictions (default: standard output)')
    .option('--force', 'replace the file')
    .option('--json', 'one JSON object for each example on a line of its own, in place of csv')
    .action(async (workload: string, raw: RawPredictOptions) => {
      const out = raw.out === undefined ? undefined : namedPlace('--out', raw.out, 'a file')
      const isJson = formOf(raw, print.format)
      const model = modelOf(raw)
      const { predictWorkload } = await import('./predict-workload.ts')
      const predicted = await predictWorkload(workload, {
        ...{ model, connect, given: givenSettings(raw.set ?? []) },
        datasets: { paths: datasetPaths(raw.data ?? []) },
        csv: csvOf(raw),
      })
      const { predictionText } = await import('./prediction-text.ts')
      const text = predictionText(predicted, isJson)
      if (out === undefined) return await pipeline(Readable.from(text), process.stdout, { end: false })
      await saved(out, text, raw.force ?? false)
      const { count } = predicted.examples
      print.done(`predictions for ${counted(count, 'example')} written to ${out}`, { file: out, examples: count }, out)
    })
}

/** Whether the predictions are JSON. OPTION_VALUE for a format that only an answer has. */
function formOf({ json = false, out }: RawPredictOptions, format: CommandContext['print']['format']): boolean {
  if (out !== undefined || format === undefined || format === 'table') return json
  if (format === 'json') return true
  const expected = 'json, or --out beside it, since predictions are csv or JSON'
  throw flamectlError('OPTION_VALUE', { option: '--output', expected, given: format })
}

/** OPTION_VALUE, OPTION_UNUSED */
function modelOf({ model, job, round, part }: RawPredictOptions): KeptModel {
  if ((model === undefined) === (job === undefined)) {
    const given = model === undefined ? 'neither of them' : 'both'
    throw flamectlError('OPTION_VALUE', { option: '--model', expected: 'an address, or --job in its place', given })
  }
  if (job !== undefined) return { job, round: round ?? 'latest', ...(part !== undefined && { part }) }
  for (const [option, value] of Object.entries({ '--round': round, '--part': part }))
    if (value !== undefined) {
      const advice = 'name the folder of the round, or the round within the address, or give --job'
      throw flamectlError('OPTION_UNUSED', { option, where: 'with --model', advice })
    }
  return { address: namedPlace('--model', model ?? '', 'a folder, a file, or an address') }
}

/** OPTION_UNUSED for options that say how to read a csv file where there is none. */
function csvOf({ examples, id, label, features, delimiter, header }: RawPredictOptions): CsvColumns | undefined {
  const given = {
    ...(id !== undefined && { id: columnOf(id, header) }),
    ...(label !== undefined && { label: columnOf(label, header) }),
    ...(features !== undefined && { features: features.split(',').map((column) => columnOf(column.trim(), header)) }),
    ...(delimiter !== undefined && { delimiter: delimiter === String.raw`\t` ? '\t' : delimiter }),
    ...(!header && { header }),
  }
  if (examples !== undefined) return { ...given, file: namedPlace('--examples', examples, 'a csv file') }
  const [unused] = Object.keys(given)
  if (unused === undefined) return undefined
  const option = unused === 'header' ? '--no-header' : `--${unused}`
  const advice = "give --examples a csv file, or leave it out: the workload's own reader reads the test set"
  throw flamectlError('OPTION_UNUSED', { option, where: 'without --examples', advice })
}

/** Without a header columns have numbers alone. */
function columnOf(column: string, header: boolean): string | number {
  return !header && /^\d{1,9}$/.test(column) ? Number(column) : column
}

/** FILE_EXISTS, FILE_UNWRITABLE */
async function saved(file: string, text: Iterable<string>, force: boolean): Promise<void> {
  try {
    await saveWhole(file, new Blob([...text]).stream(), { force })
  } catch (cause) {
    if (cause instanceof CodedError) throw cause
    throw flamectlError('FILE_UNWRITABLE', { file, reason: fileReason(cause) }, { cause })
  }
}
