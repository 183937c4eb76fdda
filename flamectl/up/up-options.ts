import type { WorkerSettings } from '../../actors/index.ts'
import { type QuotaName, type Quotas, quotaNames } from '../../actors/model/index.ts'
import type { BrokerSetting, ModelsSetting } from '../../api/index.ts'
import type { TlsFiles } from '../../runtime/node/index.ts'
import { registryPlace } from '../../sdk/index.ts'
import { pemOf } from '../command-context.ts'
import type { Config } from '../config-file.ts'
import { flamectlError } from '../errors.ts'
import { keptRounds } from '../run/run-options.ts'

/** The options as commander hands them over. */
export interface RawUpOptions {
  readonly host: string
  readonly port: string
  readonly store: string
  readonly auth?: boolean
  readonly shared?: boolean
  readonly inProcess?: boolean
  readonly data?: readonly string[]
  readonly computeAdmins?: readonly string[]
  readonly keyFile: string
  readonly maxCode: string
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly clientCa?: string
  readonly cors?: readonly string[]
  readonly maxBody: string
  readonly maxTasks: string
  readonly forgetEnded?: boolean
  readonly quota?: readonly string[]
  readonly broker?: readonly string[]
  readonly brokerCa?: string
  readonly mqtt?: string | true
  readonly registry?: string
  readonly keep: string
  readonly uploadWait: string
  readonly spoolModels?: string
  readonly image?: string
  readonly hosts?: string
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent'
}

/** Reads a whole number in a range. OPTION_VALUE. */
export function wholeNumberOf(option: string, given: string, from: number, to: number): number {
  const number = Number(given)
  if (/^\d+$/.test(given) && number >= from && number <= to) return number
  throw flamectlError('OPTION_VALUE', {
    option,
    expected: `a whole number from ${from} to ${to}`,
    given: JSON.stringify(given),
  })
}

/** Reads `processes:8` of --hosts: the number of flamelets that the server starts. OPTION_VALUE. */
export function localFlameletsOf({ hosts }: Pick<RawUpOptions, 'hosts'>): number {
  if (hosts === undefined) return 0
  const [, processes] = /^processes:([1-9]\d{0,2})$/.exec(hosts) ?? []
  if (processes === undefined)
    throw unfit('--hosts', 'processes: and a number from 1 to 999, such as processes:8', hosts)
  return Number(processes)
}

/** The files for TLS. OPTION_VALUE if only one of certificate and key is given. */
export function tlsFilesOf({
  tlsCert: cert,
  tlsKey: key,
  clientCa,
}: Pick<RawUpOptions, 'tlsCert' | 'tlsKey' | 'clientCa'>): TlsFiles | undefined {
  if (cert !== undefined && key !== undefined) return { cert, key, ...(clientCa === undefined ? {} : { clientCa }) }
  if (cert === undefined && key === undefined && clientCa === undefined) return undefined
  throw unfit('--tls-cert', '--tls-key with it, and both where there is --client-ca', cert ?? 'none')
}

/** The quotas of each user: flags win over the configuration. OPTION_VALUE. */
export function quotasOf({ quota = [] }: Pick<RawUpOptions, 'quota'>, { quotas: configured = {} }: Config): Quotas {
  const quotas: Partial<Record<QuotaName, number>> = {}
  for (const name of quotaNames) {
    const most = configured[name]
    if (most !== undefined) quotas[name] = most
  }
  for (const given of quota.flatMap((one) => one.split(','))) {
    const [, called, number] = /^(\w+)=(\d{1,15})$/.exec(given) ?? []
    const name = quotaNames.find((one) => one === called)
    if (name === undefined) throw unfit('--quota', `one of ${quotaNames.join(', ')}, = and a whole number`, given)
    quotas[name] = Number(number)
  }
  return quotas
}

const mqttPort = 1883

/**
 * The MQTT broker by which flamelets join: `--mqtt`, or the URL among `--broker`. Name and password come from the
 * environment, since other accounts can see flags. OPTION_VALUE, FILE_UNREADABLE.
 */
export async function brokerSetting(
  { mqtt, broker = [], brokerCa }: Pick<RawUpOptions, 'mqtt' | 'broker' | 'brokerCa'>,
  environment: NodeJS.ProcessEnv,
): Promise<BrokerSetting | undefined> {
  const urls = broker.filter(isBrokerUrl)
  const [url] = urls
  if (url === undefined)
    return mqtt === undefined
      ? undefined
      : { type: 'embedded', port: mqtt === true ? mqttPort : wholeNumberOf('--mqtt', mqtt, 0, 65_535) }
  if (urls.length > 1 || mqtt !== undefined)
    throw unfit('--broker', 'one mqtt:// URL, and none beside --mqtt', urls.join(' '))
  const { FLAME_BROKER_USERNAME: username, FLAME_BROKER_PASSWORD: password } = environment
  return {
    type: 'external',
    url,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(brokerCa === undefined ? {} : { ca: await pemOf(brokerCa) }),
  }
}

function isBrokerUrl(given: string): boolean {
  return /^mqtts?:\/\//.test(given)
}

/** The settings of flamelets' workers: flags win over the configuration. OPTION_VALUE. */
export function workerSettings(
  { broker, registry, image }: Pick<RawUpOptions, 'broker' | 'registry' | 'image'>,
  { flamelets = {} }: Config,
): WorkerSettings {
  const named = broker?.filter((given) => !isBrokerUrl(given)).map(brokerOf) ?? []
  // Workers of the original may use the broker by which flamelets join, unless it's the server's own.
  const shared = broker?.filter(isBrokerUrl).map((url) => brokerOf(url.replace(/^mqtts?:\/\//, 'mqtt='))) ?? []
  const [brokers = []] = [named, flamelets.brokers ?? [], shared].filter(({ length }) => length > 0)
  const models = registry === undefined ? flamelets.registry : registryOf(registry)
  const location = image ?? flamelets.image
  return {
    ...(brokers.length === 0 ? {} : { brokers }),
    ...(models === undefined ? {} : { registry: models }),
    ...(location === undefined ? {} : { image: location }),
  }
}

function brokerOf(given: string) {
  const [, sort = '', host = ''] = /^(mqtt|p2p|ws)=(.+)$/.exec(given) ?? []
  if (sort === '') throw unfit('--broker', 'mqtt://host:port, or mqtt, p2p or ws, = and a host', given)
  return { sort, host }
}

/** Where the models of jobs go that this server hosts. REGISTRY_ADDRESS, OPTION_VALUE, RUN_OPTION. */
export function modelsSettingOf({
  registry,
  keep,
  uploadWait,
  spoolModels,
}: RawUpOptions): Omit<ModelsSetting, 'isFixed'> {
  const place = registry === undefined || isWorkersAlone(registry) ? undefined : registryPlace(registry)
  if (place?.sort === 'memory')
    throw unfit('--registry', 'a registry that processes share, such as files:FOLDER', 'memory:')
  return {
    ...(place && registry !== undefined && { registry }),
    ...keptRounds(keep),
    uploadWaitMs: 1000 * wholeNumberOf('--upload-wait', uploadWait, 0, 1_000_000),
    ...(spoolModels !== undefined && { spoolModels: wholeNumberOf('--spool-models', spoolModels, 2, 1_000_000) }),
  }
}

/** Whether a registry is named for workers of the original alone, as `mlflow=URI`. */
function isWorkersAlone(given: string): boolean {
  return /^(dummy|local|mlflow)(=|$)/.test(given)
}

function registryOf(given: string) {
  if (!isWorkersAlone(given)) {
    const place = registryPlace(given)
    if (place.sort === 'mlflow') return { sort: 'mlflow', uri: given.slice('mlflow:'.length) }
    return place.sort === 's3' ? { sort: 's3', uri: given } : { sort: 'local', uri: '' }
  }
  const [, sort = '', uri = ''] = /^(dummy|local|mlflow)(?:=(.*))?$/.exec(given) ?? []
  return { sort, uri }
}

function unfit(option: string, expected: string, given: string): Error {
  return flamectlError('OPTION_VALUE', { option, expected, given: JSON.stringify(given) })
}
