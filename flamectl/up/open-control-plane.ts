import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Quotas, WorkerSettings } from '../../actors/index.ts'
import {
  type BrokerSetting,
  isLoopback,
  type ModelsSetting,
  type RunningServer,
  startServer,
  storeSetting,
} from '../../api/index.ts'
import { canConfine } from '../../flamelet/index.ts'
import { fileReason } from '../../runtime/errors/index.ts'
import type { TlsFiles } from '../../runtime/node/index.ts'
import { flamectlError } from '../errors.ts'
import { datasetPaths } from '../run/run-options.ts'
import { defaultFolder, isMongodb, keepPrivate, namedPlace, shownStore, stateFolder } from '../state-folder.ts'
import type { RawUpOptions } from './up-options.ts'

export interface ControlPlane extends RunningServer {
  /** The place of the state, without a password. */
  readonly state: string
  readonly asksForTokens: boolean
  /** The code of every user with a token runs on this machine. */
  readonly hostsForeignCode: boolean
  /** What of the settings has no effect, for people. */
  readonly notes: readonly string[]
}

/** Starts the control plane. UP_LISTEN if it can't listen there; FILE_UNREADABLE for data that aren't there; the errors of the store and of the server. */
export async function openControlPlane({
  host,
  port,
  store,
  auth,
  inProcess,
  shared = false,
  data = [],
  computeAdmins = [],
  keyFile,
  logLevel,
  archiveBytes,
  cors = [],
  jsonBytes,
  mostTasks,
  forgetEnded = false,
  workers,
  models,
  quotas,
  mostSeconds,
  tls,
  links,
  localFlamelets,
}: Omit<
  RawUpOptions,
  | 'port'
  | 'maxCode'
  | 'maxBody'
  | 'maxTasks'
  | 'quota'
  | 'broker'
  | 'registry'
  | 'keep'
  | 'uploadWait'
  | 'spoolModels'
  | 'image'
> & {
  readonly port: number
  readonly archiveBytes: number
  readonly jsonBytes: number
  readonly mostTasks: number
  readonly workers: WorkerSettings
  readonly models: Omit<ModelsSetting, 'isFixed'>
  readonly quotas: Quotas
  readonly localFlamelets: number
  /** The longest validity of a token. Absent: a year. */
  readonly mostSeconds?: number
  readonly tls?: TlsFiles
  readonly links?: BrokerSetting
}): Promise<ControlPlane> {
  const setting = storeSetting(isMongodb(store) ? store : stateFolder(store))
  const folder = isMongodb(store) ? defaultFolder : store
  if (!shared) {
    // Protects models and code of jobs, which belong to users, as well as the state.
    process.umask(0o077)
    const places = [...(isMongodb(store) ? [] : [stateFolder(store)]), join(folder, 'code')]
    for (const place of places) await keepPrivate(place, (text) => console.error(text))
  }
  const asksForTokens = auth ?? !isLoopback(host)
  const paths = datasetPaths(data.filter((given) => given.includes('=')))
  const read = [...data.filter((given) => !given.includes('=')).map((given) => resolve(given)), ...Object.values(paths)]
  for (const file of read)
    await stat(file).catch((cause: unknown) => {
      throw flamectlError('FILE_UNREADABLE', { file, reason: fileReason(cause) }, { cause })
    })
  // Without tokens, jobs come from the machine's own user, and need no confinement.
  const confined = asksForTokens ? { confined: { reads: read } } : {}
  const hostsJobs = inProcess ?? !asksForTokens
  const notes = [
    ...(read.length > 0 && !hostsJobs
      ? ['--data has no effect without --in-process: flamelets run all tasks, and aggregators ask them for test sets']
      : []),
    ...(hostsJobs && asksForTokens && !canConfine
      ? [
          `Node ${process.versions.node} cannot restrict what jobs read: jobs on this machine are refused; Node 22.13 and later run them`,
        ]
      : []),
  ]
  const jobsHere = hostsJobs ? { inProcess: { folder, ...confined } } : {}
  const reads = asksForTokens ? read : ('all' as const)
  const sites = { folder, ...(hostsJobs ? { own: { reads, paths } } : {}) }
  if (asksForTokens) namedPlace('--key-file', keyFile, 'a file')
  const authentication = asksForTokens
    ? { authentication: { keyFile, ...(mostSeconds === undefined ? {} : { mostSeconds }) } }
    : {}
  try {
    const server = await startServer({
      store: setting,
      ...jobsHere,
      sites,
      archiveBytes,
      origins: cors,
      ...(tls ? { tls } : {}),
      ...(links ? { broker: links } : {}),
      shared,
      computeAdmins,
      limits: { jsonBytes },
      mostTasks,
      forgetsEnded: forgetEnded,
      workers,
      models,
      quotas,
      localFlamelets,
      host,
      port,
      log: { level: logLevel },
      ...authentication,
    })
    return {
      ...server,
      state: shownStore(store),
      asksForTokens,
      hostsForeignCode: asksForTokens && hostsJobs && canConfine,
      notes,
    }
  } catch (cause) {
    const isListening =
      cause instanceof Error && 'syscall' in cause && /^(listen|getaddrinfo)$/.test(String(cause.syscall))
    if (!isListening) throw cause
    throw flamectlError('UP_LISTEN', { host, port, reason: cause.message }, { cause })
  }
}
