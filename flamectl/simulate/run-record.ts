import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileErrorCode, fileReason } from '../../runtime/errors/index.ts'
import { flamectlError } from '../errors.ts'
import { parsedJson } from '../files/file-text.ts'
import type { SimulateRunOptions } from './simulate-options.ts'

/** What the results of a run depend on, besides its rounds and hours, of which a run may get more. */
type RunRecord = Readonly<Record<string, string | undefined>>

/**
 * Claims a folder for a run: the folder of a new run has none before, and a run that goes on has the options it began with.
 *
 * @throws SIMULATE_THERE, SIMULATE_DIFFERS, FILE_JSON, FILE_UNREADABLE, FILE_UNWRITABLE.
 */
export async function claimFolder(folder: string, options: SimulateRunOptions): Promise<void> {
  const file = join(folder, 'simulation.json')
  const began = await readRecord(file)
  const record = recordOf(options)
  if (began && !options.resume) throw flamectlError('SIMULATE_THERE', { folder })
  if (began) {
    const name = [...new Set([...Object.keys(began), ...Object.keys(record)])].find(
      (each) => began[each] !== record[each],
    )
    if (name === undefined) return
    const [before, given] = [began[name] ?? 'nothing', record[name] ?? 'nothing']
    throw flamectlError('SIMULATE_DIFFERS', { folder, name, began: before, given })
  }
  try {
    await mkdir(folder, { recursive: true })
    await writeFile(`${file}.new`, `${JSON.stringify(record, undefined, 2)}\n`)
    await rename(`${file}.new`, file)
  } catch (cause) {
    throw flamectlError('FILE_UNWRITABLE', { file, reason: fileReason(cause) }, { cause })
  }
}

function recordOf(options: SimulateRunOptions): RunRecord {
  const { workload, devices, seed, behaviour, aggregators, trace, overrides, choices } = options
  const { rounds: _, ...settings } = overrides
  const limits = Object.entries(aggregators).flatMap(([name, texts]) =>
    texts === undefined ? [] : [[`aggregator ${name}`, [texts].flat().join(' ')] as const],
  )
  return {
    workload: resolve(workload),
    devices: String(devices),
    seed: String(seed),
    ...behaviour,
    ...Object.fromEntries(limits),
    ...(trace !== undefined && { trace: resolve(trace) }),
    ...Object.fromEntries(Object.entries({ ...settings, ...choices }).map(([name, value]) => [`set ${name}`, value])),
  }
}

async function readRecord(file: string): Promise<RunRecord | undefined> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    if (fileErrorCode(cause) === 'ENOENT') return undefined
    throw flamectlError('FILE_UNREADABLE', { file, reason: fileReason(cause) }, { cause })
  }
  return parsedJson(file, () => {
    const found: unknown = JSON.parse(text)
    if (typeof found !== 'object' || found === null) throw new TypeError('it has no object')
    return Object.fromEntries(Object.entries(found).map(([name, value]) => [name, String(value)]))
  })
}
