import { basename, join } from 'node:path'
import { Command, Option } from 'commander'
import { makeFolder } from '../../runtime/node/index.ts'
import type { CommandContext } from '../command-context.ts'
import { saveWhole } from '../files/archives.ts'
import { figures, mainMetricNames } from '../output/phrases.ts'
import type { Verbs } from './verbs.ts'

interface ModelOptions {
  readonly round: string
  readonly part?: string
  readonly format: 'tfjs' | 'safetensors' | 'npz'
  readonly out?: string
  readonly force?: boolean
}

const partOption = () => new Option('--part <name>', 'one of several models of a round: a group, or an end')

/** Commands for the models of jobs. */
export function modelCommands({ connect, print }: CommandContext): Verbs {
  return {
    get: [
      new Command('models')
        .argument('<jobId>')
        .description("list the models of a job's rounds")
        .action(async (jobId: string) => {
          const { client, user } = await connect()
          print.list(await client.getModels({ user, jobId }), {
            columns: {
              ROUND: ({ round }) => String(round),
              PART: ({ part }) => part,
              NAMES: ({ aliases }) => aliases.join(', '),
              METRICS: ({ metrics }) => figures(metrics, mainMetricNames(Object.keys(metrics))).trim(),
              HASH: ({ hash }) => hash.slice(0, 16),
            },
            nameOf: ({ round, part }) => (part === undefined ? String(round) : `${part}/${round}`),
          })
        }),
      new Command('model')
        .argument('<jobId>')
        .description('save the model of a round: a folder for TensorFlow.js, or one file for PyTorch or numpy')
        .option('--round <which>', 'number of the round, latest, or best (by accuracy, else by loss)', 'latest')
        .addOption(partOption())
        .addOption(
          new Option('-f, --format <name>', 'tfjs: a folder with model.json and weights.bin')
            .choices(['tfjs', 'safetensors', 'npz'])
            .default('tfjs'),
        )
        .option('-O, --out <path>', 'the folder, or file (default: job and round, in this folder)')
        .option('--force', 'replace what is there')
        .action(async (jobId: string, { round, part, format, out, force = false }: ModelOptions) => {
          const { client, user } = await connect()
          const query = { format, ...(part === undefined ? {} : { part }) }
          const { fileName, sizeBytes, content } = await client.getModel({ user, jobId, round, query })
          const named = basename(fileName)
          const place = out ?? (format === 'tfjs' ? named.replace(/\.zip$/, '') : named)
          const { withProgress } = await import('../output/download-progress.ts')
          const shown = withProgress(content, sizeBytes, process.stderr)
          if (format === 'tfjs') await saveFolder(place, shown, force)
          else await saveWhole(place, shown, { force })
          print.done(`model of job ${jobId} saved as ${place}`, { id: jobId, file: place }, place)
        }),
    ],
    remove: [
      new Command('models')
        .argument('<jobId>')
        .description('remove the models of a job that is ready or has ended')
        .option('--round <which>', 'one round alone: its number, latest, or best')
        .addOption(partOption())
        .action(async (jobId: string, { round, part }: Partial<Pick<ModelOptions, 'round' | 'part'>>) => {
          const { client, user } = await connect()
          const query = part === undefined ? {} : { part }
          if (round === undefined) await client.deleteModels({ user, jobId, query })
          else await client.deleteModel({ user, jobId, round, query })
          const what = round === undefined ? 'models' : `model of round ${round}`
          print.done(`${what} of job ${jobId} removed`, { id: jobId }, jobId)
        }),
    ],
  }
}

/** Saves the files of a model's zip into a folder. FILE_EXISTS for a file that is there already, unless `force`. */
async function saveFolder(folder: string, content: ReadableStream<Uint8Array>, force: boolean): Promise<void> {
  // Loaded for this format alone.
  const { unzipSync } = await import('fflate')
  const files = unzipSync(new Uint8Array(await new Response(content).arrayBuffer()))
  await makeFolder(folder)
  for (const name of ['weights.bin', 'model.json', 'round.json']) {
    const bytes = files[name]
    if (bytes) await saveWhole(join(folder, name), new Blob([Uint8Array.from(bytes)]).stream(), { force })
  }
}
