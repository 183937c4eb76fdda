import { isIPv6 } from 'node:net'
import { resolve } from 'node:path'
import { Server as SecureServer } from 'node:tls'
import { fileURLToPath } from 'node:url'
import {
  archiveLimitsOf,
  asking,
  baseModels,
  controlPlane,
  type DeployableJob,
  defaultArchiveBytes,
  defaultQuotas,
  jobIdOf,
  type ModelUploads,
  type Quotas,
  type WorkerSettings,
} from '../actors/index.ts'
import { CodedError, type Store } from '../runtime/index.ts'
import { serverTls, type TlsFiles } from '../runtime/node/index.ts'
import type { ModelRegistry } from '../sdk/index.ts'
import { type AuthenticationSetting, bearerGate } from './auth/gate.ts'
import { localAccounts } from './auth/local-accounts.ts'
import { apiError } from './errors.ts'
import { boundConnections, type ConnectionLimits, possibleConnections } from './http/connections.ts'
import { checkOrigins, isLoopback } from './http/origins.ts'
import { portOf } from './http/rest-server.ts'
import { type BrokerLinks, type BrokerSetting, brokerLinks } from './link/broker-links.ts'
import { linkServer } from './link/link-server.ts'
import { localFlamelets } from './link/local-flamelets.ts'
import { ownSites } from './link/own-sites.ts'
import { type LogSetting, openLog } from './log.ts'
import { auditTrail } from './observe/audit-trail.ts'
import { serverMetrics } from './observe/metrics.ts'
import { observeActors } from './observe/observers.ts'
import { operations } from './operations/operations.ts'
import { apiServer, type Limits } from './server.ts'
import { type ModelsSetting, type ServerModels, serverModels } from './server-models.ts'
import { CHOOSE_DEPLOYER, IDENTITY, type Setting, STORE, SYSTEM, serverRoot } from './server-root.ts'

export interface ServerOptions extends Setting {
  /** Default: 127.0.0.1. Only loopback, unless callers are asked who they are. */
  readonly host?: string
  /** Default: 10100. 0 chooses a free one. */
  readonly port?: number
  readonly limits?: Partial<Limits & ConnectionLimits>
  /** How long a request may take in the control plane. Default: 30,000. */
  readonly timeoutMs?: number
  /** Tasks that a job may have. Default: 100,000, which a body of the default size can name one by one. */
  readonly mostTasks?: number
  /**
   * Whether the snapshots and journals of a job's roles are removed when the job ends. The job then begins anew when it is
   * started again.
   */
  readonly forgetsEnded?: boolean
  /**
   * Where models go: by a setting, below the folder of `inProcess` or `sites`; or, where the caller makes the deployer, the
   * caller's own registry and uploads.
   */
  readonly models?:
    | Omit<ModelsSetting, 'isFixed'>
    | { readonly own: ModelRegistry; readonly uploads?: ModelUploads | undefined }
  /** The bounds of each user. Default: `defaultQuotas` where callers show a token, no bounds elsewhere. */
  readonly quotas?: Quotas
  /** Where flamelets' workers find each other, and put their models. */
  readonly workers?: WorkerSettings
  /** Callers must show a token. Default: nobody is asked who they are. */
  readonly authentication?: AuthenticationSetting
  /**
   * Where nobody is asked for a token: every account of this machine may call. Default: the server's own and root alone, where
   * the system tells whose a connection is, as Linux does.
   */
  readonly shared?: boolean
  /** Where callers must show a token: administrators whose computes may run everybody's tasks. Default: none. */
  readonly computeAdmins?: readonly string[]
  /** Origins of pages elsewhere that may ask, such as https://example.org. Default: none. */
  readonly origins?: readonly string[]
  /** The server speaks https alone, by these files, which may be renewed while the server runs. */
  readonly tls?: TlsFiles
  /** Flamelets may join over this MQTT broker, too. */
  readonly broker?: BrokerSetting
  /** Flamelets that the server starts on this machine for the tasks of the compute `default`. Default: none. */
  readonly localFlamelets?: number
  /** Default: of each request, to standard error. */
  readonly log?: LogSetting
  /** Hears why the store can't be written, or a job not go on, at present. It's logged, and tried again, all the same. */
  readonly onTrouble?: (cause: CodedError) => void
}

export interface RunningServer extends AsyncDisposable {
  readonly url: string
  /** Address of the MQTT broker by which flamelets may join. */
  readonly broker?: string
  /** Whether other accounts of this machine may call without a token. */
  readonly isShared: boolean
  /** Takes no more requests, answers those it has, and gives everything back. */
  close(): Promise<void>
}

/** Bytes of a form besides the archive. */
const formAround = 64 * 1024

const defaultLimits: Omit<Limits & ConnectionLimits, 'formBytes' | 'ofOne'> = {
  jsonBytes: 4 * 1024 * 1024,
  requests: 2000,
  streams: 10_000,
  polls: 10_000,
  kept: 100,
  stallMs: 10_000,
  connections: 20_000,
  idleMs: 10_000,
  lastMs: 5000,
}

/** Starts the control plane. API_OPEN_HOST if nobody is asked who they are and the host isn't loopback. API_ORIGIN, API_KEY_FILE. */
export async function startServer({
  store: storeSetting,
  inProcess,
  sites,
  goesOnWith,
  archiveBytes = defaultArchiveBytes,
  host = '127.0.0.1',
  port = 10_100,
  limits = {},
  timeoutMs = 30_000,
  mostTasks,
  forgetsEnded = false,
  models: modelsSetting = {},
  quotas = {},
  workers = {},
  authentication,
  shared = false,
  computeAdmins = [],
  origins = [],
  tls: tlsFiles,
  broker: setting,
  localFlamelets: locals = 0,
  log: logSetting = {},
  onTrouble,
}: ServerOptions): Promise<RunningServer> {
  if (!authentication && !isLoopback(host)) throw apiError('API_OPEN_HOST', { host })
  checkOrigins(origins)
  const gate = authentication && (await bearerGate(authentication))
  const accounts = gate || shared ? undefined : await localAccounts()
  const log = openLog(logSetting)
  const tls =
    tlsFiles &&
    (await serverTls(tlsFiles, {
      onTrouble: (cause) => log.error({ err: cause }, 'changed files for TLS cannot be used: the former ones are'),
      onRenewed: () => log.warn('the server uses changed files for TLS'),
    }))
  let models: ServerModels | undefined
  const opened = () => {
    if (models) return models
    throw new Error('a job is deployed before its server has opened its registry')
  }
  const registryOf: ServerModels['registryOf'] = async (job) =>
    'own' in modelsSetting ? modelsSetting.own : opened().registryOf(job)
  const baseModelsOn = (on: Store) =>
    baseModels({ store: on, registryOf, environment: process.env, isFixed: gate !== undefined })
  /** By run: kills the process of a job that runs wholly on this machine. */
  const kills = new Map<string, () => void>()
  const hostingOf = (job: DeployableJob) => opened().hostingOf(job)
  const scope = serverRoot({
    modelsOf: (job) => opened().folderOf(job),
    baseModelsOn,
    kills,
    store: storeSetting,
    inProcess,
    archiveBytes,
    onTrouble(cause) {
      log.error({ err: cause }, 'the store cannot be written: changes are refused, and jobs wait')
      onTrouble?.(cause)
    },
    onWell: () => log.warn('the store can be written again'),
  })
  const store = await scope.resolve(STORE)
  const system = await scope.resolve(SYSTEM)
  const chooseDeployer = await scope.resolve(CHOOSE_DEPLOYER)
  const metrics = serverMetrics(system, async () => (await models?.behind()) ?? new Map())
  const own = sites && (await ownSites({ ...sites, store, limits: archiveLimitsOf(archiveBytes) }))
  const local = sites && localFlamelets({ ...sites, count: locals, isConfined: gate !== undefined })
  const holder = typeof inProcess === 'object' ? inProcess : sites
  /** Tells the followers of a job why its models wait. Nobody hears while the server begins. */
  let noteTrouble = (_run: string, _cause: unknown) => {}
  if (holder && !('own' in modelsSetting)) {
    const { folder } = holder
    models = await serverModels({
      ...modelsSetting,
      folder,
      store,
      isFixed: gate !== undefined,
      onTrouble(run, cause) {
        log.warn({ err: cause, run }, 'models cannot be uploaded to their registry at present')
        noteTrouble(run, cause)
      },
      onFull(run, cause) {
        log.warn({ err: cause, run }, 'a job waits for its registry')
        noteTrouble(run, cause)
      },
      onCaughtUp: (run) => log.warn({ run }, 'models are uploaded to their registry again'),
    })
  }
  const uploads = 'own' in modelsSetting ? modelsSetting.uploads : models?.uploads
  const bases = 'own' in modelsSetting || models ? baseModelsOn(store) : undefined
  const ref = system.spawn(
    'control-plane',
    controlPlane({
      store,
      workers,
      quotas: gate ? { ...defaultQuotas, ...quotas } : quotas,
      ...(gate ? { computeAdmins } : {}),
      forgetsEnded,
      ...(uploads && { uploads }),
      ...(bases && { registryOf, baseModels: bases }),
      ...(models && { registryFaults: models.faultsOf }),
      ...(mostTasks === undefined ? {} : { mostTasks }),
      archiveLimits: archiveLimitsOf(archiveBytes),
      chooseDeployer,
      ...(sites && own
        ? {
            sites: {
              own: (context) => own.spawn(context, links.link),
              registry: hostingOf,
              baseWeights: bases?.weights,
              ...(sites.own ? {} : { isOwn: () => false }),
            },
          }
        : {}),
      ...(models ? { modelBytes: models.bytesOf } : {}),
      ...(local ? { locals: local } : {}),
      onRecorded(...recorded) {
        metrics.recorded(...recorded)
        local?.noteRecorded(...recorded)
      },
      faults: {
        kill(run, end) {
          const killJob = kills.get(run)
          if (killJob) killJob()
          else own?.kill(run, end)
        },
        disturb: (flamelet, fault) => links.disturb(flamelet, fault),
      },
      onFlameletLog: ({ level, ...line }) => log[level](line, 'a flamelet says'),
      ...(goesOnWith ? { goesOnWith } : {}),
      ...(onTrouble ? { onInterrupted: (_job: string, cause: CodedError) => onTrouble(cause) } : {}),
      ...scope.resolve(IDENTITY),
    }),
  )
  const ask = asking(system, ref, { timeoutMs })
  noteTrouble = (run, cause) => {
    if (!(cause instanceof CodedError)) return
    const { code, message, hint } = cause
    const job = jobIdOf(run)
    const event = { type: 'notice', end: job, code, message, hint } as const
    ask<number>((replyTo) => ({ type: 'record-event', job, event, replyTo })).catch((fault: unknown) =>
      log.warn({ err: fault, job }, 'could not tell the followers of a job that its models wait'),
    )
  }
  const stopObserving = observeActors(system, log)
  const closing = new AbortController()
  const handOver = () =>
    ask<null>((replyTo) => ({ type: 'hand-over', replyTo })).catch((cause: unknown) =>
      log.warn({ err: cause }, 'could not hand the jobs over'),
    )
  const release = async () => {
    stopObserving()
    tls?.close()
    models?.close()
    await system.terminate()
    await store.close()
  }
  const trail = auditTrail(ask, log)
  const connections = possibleConnections(limits.connections ?? defaultLimits.connections)
  const bounds = { ...defaultLimits, ofOne: Math.ceil(connections / 2), ...limits, connections }
  const server = apiServer({
    ask,
    trail,
    operations,
    limits: { formBytes: archiveBytes + formAround, ...bounds },
    log,
    metrics,
    closing: closing.signal,
    heartbeatMs: Math.min(15_000, timeoutMs / 2),
    gate,
    accounts,
    origins,
    tls: tls?.options,
    hidden: gate ? foldersOf(storeSetting, holder) : [],
  })
  if (server instanceof SecureServer) tls?.renew(server)
  const closeConnections = boundConnections(server, bounds)
  const links = linkServer({
    system,
    ask,
    controlPlane: ref,
    gate,
    accounts,
    origins,
    isSecure: tls !== undefined,
    trail,
    log,
    locals: local,
  })
  const closeRoutes = links.acceptOn(server)
  let broker: BrokerLinks | undefined
  try {
    await new Promise<void>((listening, reject) => {
      server.on('error', reject)
      server.listen(port, host, listening)
    })
    if (setting) broker = await brokerLinks({ setting, host, links, accounts, tls, trail, log })
    await local?.start({ links, controlPlane: ref, log })
  } catch (cause) {
    await broker?.close()
    await local?.close()
    links.close()
    closeRoutes()
    server.close()
    await release()
    throw cause
  }
  let closed: Promise<void> | undefined
  const close = () => {
    closing.abort()
    ref.tell({ type: 'release' })
    closed ??= end()
    return closed
  }
  async function end(): Promise<void> {
    const ended = new Promise<void>((done) => server.close(() => done()))
    await closeConnections()
    // Flamelets keep their tasks for the next server: a job that saw them go would place its tasks anew.
    await handOver()
    await local?.close()
    links.close()
    closeRoutes()
    await broker?.close()
    await ended
    await trail.settled()
    await release()
  }
  const name = isIPv6(host) ? `[${host}]` : host
  const isShared = !gate && !accounts
  return {
    isShared,
    ...(broker ? { broker: broker.url } : {}),
    url: `${tls ? 'https' : 'http'}://${name}:${portOf(server)}`,
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** Where this server keeps its things, and is installed. */
function foldersOf(store: Setting['store'], holder: { readonly folder: string } | undefined): string[] {
  const jobs = holder ? [resolve(holder.folder)] : []
  const state = store.type === 'lmdb' ? [resolve(store.folder)] : []
  return [...jobs, ...state, fileURLToPath(new URL('../..', import.meta.url)).replace(/[/\\]$/, '')].filter(
    (folder) => folder.length > 1,
  )
}
