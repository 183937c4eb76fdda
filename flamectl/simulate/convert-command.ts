import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Command } from 'commander'
import { CodedError, fileReason } from '../../runtime/errors/index.ts'
import type { CommandContext } from '../command-context.ts'
import { flamectlError } from '../errors.ts'
import { mostTextBytes, parsedJson, readText } from '../files/file-text.ts'
import { namedPlace } from '../state-folder.ts'
import { wholeNumberOf } from '../up/up-options.ts'
import { mostDevices } from './simulate-options.ts'

interface RawConvertOptions {
  readonly capacities?: string
  readonly availability?: string
  readonly devices?: string
  readonly out?: string
}

const linesOfChunk = 10_000

/** `flamectl simulate convert`: writes FedScale's traces as a trace. */
export function convertCommand({ print }: Pick<CommandContext, 'print'>): Command {
  return new Command('convert')
    .description("convert FedScale's traces, exported to JSON, into a csv file for --trace")
    .option('--capacities <file>', 'client_device_capacity as JSON: speeds and bandwidths')
    .option('--availability <file>', 'client_behave_trace as JSON: when devices are available')
    .option('--devices <number>', 'number of devices (default: as many as the file of the availability has)')
    .option('--out <file>', 'file of the trace (default: standard output)')
    .action(async (_: unknown, own: Command) => {
      // commander gives options that `simulate` has, too, to `simulate`.
      const { capacities, availability, devices, out } = own.optsWithGlobals<RawConvertOptions>()
      const count = devices === undefined ? undefined : wholeNumberOf('--devices', devices, 1, mostDevices)
      const file = out === undefined ? undefined : namedPlace('--out', out, 'a file')
      if (capacities === undefined && availability === undefined)
        throw flamectlError('OPTION_VALUE', {
          option: '--capacities',
          expected: 'a file, unless --availability has one',
          given: 'neither of them',
        })
      const { convertFedScale } = await import('../../simulations/index.ts')
      const lines = convertFedScale({
        ...(capacities !== undefined && { capacities: await contentOf('--capacities', capacities) }),
        ...(availability !== undefined && { availability: await contentOf('--availability', availability) }),
        ...(count !== undefined && { devices: count }),
      })
      if (file === undefined) return await pipeline(Readable.from(chunksOf(lines)), process.stdout, { end: false })
      const written = `${file}.new`
      try {
        await pipeline(Readable.from(chunksOf(lines)), createWriteStream(written))
        await rename(written, file)
      } catch (cause) {
        await rm(written, { force: true })
        if (cause instanceof CodedError) throw cause
        throw flamectlError('FILE_UNWRITABLE', { file, reason: fileReason(cause) }, { cause })
      }
      print.done(`${file} written`, { file }, file)
    })
}

/** FILE_UNREADABLE, FILE_LARGE, FILE_JSON */
async function contentOf(option: string, given: string): Promise<unknown> {
  const file = namedPlace(option, given, 'a file')
  const text = await readText(file, mostTextBytes)
  return parsedJson(file, () => JSON.parse(text))
}

/** Texts of many lines each, since a write for each line takes long. */
function* chunksOf(lines: Iterable<string>): Generator<string> {
  let chunk: string[] = []
  for (const line of lines) {
    chunk.push(line)
    if (chunk.length < linesOfChunk) continue
    yield `${chunk.join('\n')}\n`
    chunk = []
  }
  if (chunk.length > 0) yield `${chunk.join('\n')}\n`
}
