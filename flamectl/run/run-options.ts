import { join, resolve } from 'node:path'
import type { LocalTransport } from '../../actors/index.ts'
import { type KeptRounds, type Kind, kinds, modelPlace, type RegistryPlace, registryPlace } from '../../sdk/index.ts'
import { flamectlError } from '../errors.ts'
import type { GivenSettings } from '../files/json-files.ts'
import type { Format } from '../output/printable.ts'
import type { ProgramFormat } from '../output/reporter.ts'
import { defaultFolder, isMongodb, namedPlace } from '../state-folder.ts'

/** The options of a run, checked. */
export interface RunOptions extends GivenSettings {
  readonly workload: string
  readonly seed?: number
  /** Default: `defaultWorkers`. */
  readonly workers?: number
  /** A folder, or the URL of a MongoDB database. */
  readonly store: string
  /** Folder of the models. */
  readonly models: string
  /** Absent: files in `models`. */
  readonly registry?: RegistryPlace
  /** Address of the model with which the job begins. Absent: the workload's own weights. */
  readonly baseModel?: string
  /** Longest wait for the registry when the rounds are over. */
  readonly uploadWaitMs: number
  /** Most models, of each part, that wait for the registry. Absent: any number. */
  readonly spoolModels?: number
  /** Absent: for people. */
  readonly format?: ProgramFormat
  /** Absent: the models of all rounds are kept. */
  readonly keep?: KeptRounds
  /** The file for a picture of the metrics by round. */
  readonly plot?: string
  readonly resume: boolean
  /** Paths of datasets, by name. */
  readonly paths?: Readonly<Record<string, string>>
  /** Other accounts of this machine may use the server and the state. */
  readonly shared: boolean
  /** Run each round twice and compare. */
  readonly check: boolean
  /** Local processes that host the tasks. Absent: the tasks run in this process. */
  readonly hosts?: RunHosts
}

export interface RunHosts {
  readonly processes: number
  readonly transport: LocalTransport
  /** Has a folder for each process. */
  readonly folder: string
}

/** The options as commander hands them over. */
export interface RawRunOptions {
  readonly set?: readonly string[]
  readonly seed?: string
  readonly workers?: string
  readonly store: string
  readonly models?: string
  readonly registry?: string
  readonly baseModel?: string
  readonly uploadWait?: string
  readonly spoolModels?: string
  readonly keep?: string
  readonly plot?: string
  readonly data?: readonly string[]
  readonly json?: boolean
  readonly resume?: boolean
  readonly shared?: boolean
  readonly check?: boolean
  readonly hosts?: string
  readonly transport?: string
}

/** Checks the options; `output` is the format that all commands take. RUN_SETTING_SYNTAX, RUN_OPTION. */
export function runOptions(workload: string, raw: RawRunOptions, output?: Format): RunOptions {
  const format = raw.json ? 'json' : output
  return {
    workload,
    ...givenSettings(raw.set ?? []),
    ...(raw.seed === undefined ? {} : { seed: integer('--seed', raw.seed, 0, 2 ** 32 - 1) }),
    ...(raw.workers === undefined ? {} : { workers: integer('--workers', raw.workers, 0, 256) }),
    store: namedPlace('--store', raw.store, 'a folder, or mongodb://host:port/database'),
    models:
      raw.models !== undefined
        ? namedPlace('--models', raw.models)
        : join(isMongodb(raw.store) ? defaultFolder : raw.store, 'models'),
    ...registryOf(raw),
    ...baseModelOf(raw),
    uploadWaitMs: 1000 * integer('--upload-wait', raw.uploadWait ?? '300', 0, 1_000_000),
    ...(raw.spoolModels === undefined ? {} : { spoolModels: integer('--spool-models', raw.spoolModels, 2, 1_000_000) }),
    ...(format === undefined || format === 'table' ? {} : { format }),
    ...keptRounds(raw.keep ?? 'all'),
    ...(raw.plot === undefined ? {} : { plot: namedPlace('--plot', raw.plot, 'a file') }),
    ...(raw.data && { paths: datasetPaths(raw.data) }),
    resume: raw.resume ?? false,
    shared: raw.shared ?? false,
    check: raw.check ?? false,
    ...hostsOf(raw),
  }
}

/** Reads the address of a registry. RUN_OPTION, REGISTRY_ADDRESS. */
function registryOf({ registry, models }: RawRunOptions): { readonly registry?: RegistryPlace } {
  if (registry === undefined) return {}
  const place = registryPlace(registry)
  if (models === undefined) return { registry: place }
  const expected = 'no --registry (or FLAME_REGISTRY) beside it: files:FOLDER names the folder of the models'
  throw flamectlError('RUN_OPTION', { option: '--models', expected, given: JSON.stringify(models) })
}

/** Reads the address of a base model; a path becomes absolute. REGISTRY_ADDRESS. */
function baseModelOf({ baseModel }: RawRunOptions): { readonly baseModel?: string } {
  if (baseModel === undefined) return {}
  const place = modelPlace(baseModel)
  return { baseModel: place.sort === 'files' ? `files:${resolve(place.path)}` : baseModel }
}

/** Reads `processes:8`, and the transport between the processes. RUN_OPTION. */
function hostsOf({ hosts, transport: given, store }: RawRunOptions): { readonly hosts?: RunHosts } {
  if (hosts === undefined && given !== undefined)
    throw flamectlError('RUN_OPTION', {
      option: '--transport',
      expected: '--hosts beside it, such as --hosts processes:8, since it joins these processes',
      given: `${JSON.stringify(given)} alone`,
    })
  if (hosts === undefined) return {}
  const transport = given ?? 'ws'
  const [, processes = ''] = /^processes:(\d+)$/.exec(hosts) ?? []
  if (!/^([1-9]\d{0,2})$/.test(processes))
    throw flamectlError('RUN_OPTION', {
      option: '--hosts',
      expected: 'processes: and a number from 1 to 999, such as processes:8',
      given: JSON.stringify(hosts),
    })
  const isBroker = /^mqtts?:\/\//.test(transport) && URL.canParse(transport)
  if (transport !== 'ws' && transport !== 'mqtt' && !isBroker)
    throw flamectlError('RUN_OPTION', {
      option: '--transport',
      expected: 'ws, mqtt, or the URL of a broker, such as mqtt://127.0.0.1:1883',
      given: JSON.stringify(transport),
    })
  return {
    hosts: {
      processes: Number(processes),
      transport: transport === 'ws' || transport === 'mqtt' ? transport : { broker: transport },
      folder: join(isMongodb(store) ? defaultFolder : store, 'hosts'),
    },
  }
}

/** Reads `name=path` of each dataset; paths become absolute. OPTION_VALUE. */
export function datasetPaths(given: readonly string[]): Record<string, string> {
  const paths = new Map<string, string>()
  for (const one of given) {
    const at = one.lastIndexOf('=')
    const [name, path] = [one.slice(0, Math.max(at, 0)), one.slice(at + 1)]
    if (name === '' || path === '' || paths.has(name)) {
      const expected = 'NAME=PATH, each name once'
      throw flamectlError('OPTION_VALUE', { option: '--data', expected, given: JSON.stringify(one) })
    }
    paths.set(name, resolve(path))
  }
  return Object.fromEntries(paths)
}

const keptWord = /^(?:(last|best|every)(?:=([1-9]\d{0,8}))?|([1-9]\d{0,8}))$/

/** Reads `all`, or a list of `last=N`, `best=N` and `every=N`, in which `best`, `last` and a bare number have a short form. */
export function keptRounds(given: string): { readonly keep?: KeptRounds } {
  if (given === 'all') return {}
  let keep: KeptRounds = { last: 1 }
  for (const word of given.split(',').map((part) => part.trim())) {
    const [match, name = 'last', number, alone] = keptWord.exec(word) ?? []
    if (match === undefined || (name === 'every' && number === undefined))
      throw flamectlError('RUN_OPTION', {
        option: '--keep',
        expected: 'all, or a list of last, best and every with numbers, such as last=5,best=1,every=10 or best,3',
        given: JSON.stringify(given),
      })
    keep = { ...keep, [name]: Number(number ?? alone ?? 1) }
  }
  return { keep }
}

/** A comma before another setting; any other comma belongs to a value. */
const nextSetting = /,(?=\s*[A-Za-z_]\w*\s*=)/

/**
 * Splits lists of `name=value`. After `optimizer=fedadam` (or another kind), the settings that follow in the same list are those
 * of fedadam. RUN_SETTING_SYNTAX.
 */
export function givenSettings(given: readonly string[]): GivenSettings {
  const overrides: Record<string, string> = {}
  const choices: Partial<Record<Kind, string>> = {}
  for (const list of given) {
    let kind: Kind | undefined
    for (const pair of list.split(nextSetting)) {
      const at = pair.indexOf('=')
      const name = pair.slice(0, at).trim()
      if (at < 0 || name === '') throw flamectlError('RUN_SETTING_SYNTAX', { given: JSON.stringify(list) })
      const value = pair.slice(at + 1).trim()
      const next = kinds.find((each) => each === name)
      kind = next ?? kind
      if (next) choices[next] = value
      else if (kind) choices[kind] += `,${name}=${value}`
      else overrides[name] = value
    }
  }
  return { overrides, choices }
}

function integer(option: string, given: string, least: number, most: number): number {
  const value = Number(given)
  if (given.trim() !== '' && Number.isInteger(value) && value >= least && value <= most) return value
  throw flamectlError('RUN_OPTION', {
    option,
    expected: `a whole number from ${least} to ${most}`,
    given: JSON.stringify(given),
  })
}
