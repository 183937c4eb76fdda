import { type ActorRef, fieldsOf, isActorRef, isCount, isMissingOr, isString, listOf } from '../../runtime/index.ts'
import type { SiteMessage } from '../../sdk/index.ts'

/** A dataset on a device, by the name or URL that a job's dataset has. The path on the device stays with its owner. */
export interface HeldDataset {
  readonly name: string
  readonly url?: string
}

/** The machine or page in which a flamelet runs. */
export interface FlameletPlatform {
  /** Program with its version, such as `node 22.13.0` or `chromium 141`. */
  readonly runtime: string
  /** Such as `linux`, `darwin`, `win32`, `browser`. */
  readonly system: string
  /** Such as `x64` or `arm64`. */
  readonly arch: string
  /** Cores that tasks may use. */
  readonly cores: number
}

/** Tasks of one run of a job on a flamelet. */
export interface HostedRun {
  readonly job: string
  readonly run: string
  readonly ends: readonly string[]
}

/** Facts that a flamelet tells of itself when it joins. */
export interface FlameletRegistration {
  /** The name of the flamelet's node, which its token allows. */
  readonly name: string
  /** Region of the flamelet's compute. */
  readonly realm?: string
  /** Id of the compute that the flamelet serves. Absent: the flamelet's name. */
  readonly compute?: string
  readonly datasets: readonly HeldDataset[]
  /** Tasks that the flamelet hosts at once. */
  readonly mostTasks: number
  /** Memory that each task may use. Absent: unlimited. */
  readonly memoryBytes?: number
  readonly platform: FlameletPlatform
  /** Runs that the flamelet still hosts, from before this session. */
  readonly hosted: readonly HostedRun[]
}

/** From a flamelet to its actor on the server, which is the entry of the flamelet's link. */
export type FlameletMessage =
  | {
      /** Again in each session. Hosts tasks from the answer on. */
      readonly type: 'register'
      readonly registration: FlameletRegistration
      readonly site: ActorRef<SiteMessage>
      readonly replyTo: ActorRef<RegisterAnswer>
    }
  /** The runs that the flamelet hosts now, when they have changed. */
  | { readonly type: 'progress'; readonly hosted: readonly HostedRun[]; readonly residentBytes?: number }
  /** The flamelet is about to end: gets no more tasks, and its tasks go elsewhere. */
  | { readonly type: 'drain'; readonly replyTo: ActorRef<DrainAnswer> }
  /** A line for the server's log. */
  | { readonly type: 'log'; readonly level: LogLevel; readonly text: string; readonly job?: string }

export type LogLevel = 'info' | 'warn' | 'error'

export type RegisterAnswer =
  | {
      readonly type: 'registered'
      /** The server's name for people: of its node. */
      readonly server: string
      /** The compute whose tasks the flamelet gets. */
      readonly compute: string
    }
  /** A coded error: the flamelet gets no tasks. */
  | { readonly type: 'refused'; readonly cause: Error }

/** Told once no run on the flamelet is under way any more. */
export type DrainAnswer = { readonly type: 'drained' }

const most = { text: 1024, line: 4096, datasets: 1000, runs: 1000, ends: 100_000 } as const

/** Decodes a message of a flamelet. */
export function decodeFlameletMessage(value: unknown): FlameletMessage | undefined {
  const { type, ...fields } = fieldsOf(value)
  switch (type) {
    case 'register': {
      const registration = decodeRegistration(fields.registration)
      const { site, replyTo } = fields
      return registration && isActorRef<SiteMessage>(site) && isActorRef<RegisterAnswer>(replyTo)
        ? { type, registration, site, replyTo }
        : undefined
    }
    case 'progress': {
      const hosted = listOf(fields.hosted, decodeHostedRun, most.runs)
      const { residentBytes } = fields
      if (!hosted || !isMissingOr(residentBytes, isCount)) return undefined
      return { type, hosted, ...(residentBytes === undefined ? {} : { residentBytes }) }
    }
    case 'drain':
      return isActorRef<DrainAnswer>(fields.replyTo) ? { type, replyTo: fields.replyTo } : undefined
    case 'log': {
      const { level, text, job } = fields
      const isLevel = level === 'info' || level === 'warn' || level === 'error'
      if (!isLevel || !isString(text) || !isMissingOr(job, isText)) return undefined
      return { type, level, text: text.slice(0, most.line), ...(job === undefined ? {} : { job }) }
    }
    default:
      return undefined
  }
}

/** Decodes the server's answer to `register`. */
export function decodeRegisterAnswer(value: unknown): RegisterAnswer | undefined {
  const { type, server, compute, cause } = fieldsOf(value)
  if (type === 'refused') return cause instanceof Error ? { type, cause } : undefined
  return type === 'registered' && isText(server) && isText(compute) ? { type, server, compute } : undefined
}

/** Decodes the server's answer to `drain`. */
export function decodeDrainAnswer(value: unknown): DrainAnswer | undefined {
  return fieldsOf(value).type === 'drained' ? { type: 'drained' } : undefined
}

function decodeRegistration(value: unknown): FlameletRegistration | undefined {
  const { name, realm, compute, memoryBytes, mostTasks, ...fields } = fieldsOf(value)
  const datasets = listOf(fields.datasets, decodeDataset, most.datasets)
  const hosted = listOf(fields.hosted, decodeHostedRun, most.runs)
  const platform = decodePlatform(fields.platform)
  if (!isText(name) || !isMissingOr(realm, isText) || !isMissingOr(compute, isText)) return undefined
  if (!isCount(mostTasks) || !isMissingOr(memoryBytes, isCount) || !datasets || !hosted || !platform) return undefined
  return {
    name,
    ...(realm === undefined ? {} : { realm }),
    ...(compute === undefined ? {} : { compute }),
    datasets,
    mostTasks,
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    platform,
    hosted,
  }
}

function decodeDataset(value: unknown): HeldDataset | undefined {
  const { name, url } = fieldsOf(value)
  if (!isText(name) || !isMissingOr(url, isText)) return undefined
  return { name, ...(url === undefined ? {} : { url }) }
}

function decodePlatform(value: unknown): FlameletPlatform | undefined {
  const { runtime, system, arch, cores } = fieldsOf(value)
  return isText(runtime) && isText(system) && isText(arch) && isCount(cores)
    ? { runtime, system, arch, cores }
    : undefined
}

function decodeHostedRun(value: unknown): HostedRun | undefined {
  const { job, run, ends: given } = fieldsOf(value)
  const ends = listOf(given, (end) => (isText(end) ? end : undefined), most.ends)
  return isText(job) && isText(run) && ends ? { job, run, ends } : undefined
}

function isText(value: unknown): value is string {
  return isString(value) && value !== '' && value.length <= most.text
}
