import { join } from 'node:path'
import { type ActorRef, type Behavior, type DurableStore, decode, encode, unpackError } from '../../../runtime/index.ts'
import { makeFolder } from '../../../runtime/node/index.ts'
import type { Layout } from '../../../sdk/index.ts'
import type { BundledWorkload } from '../../../sdk/node/index.ts'
import { runFaults } from '../../model/algorithms.ts'
import type { JobEvent } from '../../model/job-event.ts'
import type { BaseModels } from '../../records/parts.ts'
import {
  type DeployableJob,
  type Deployer,
  type DeploymentMessage,
  type DeploymentReport,
  deployerBy,
  eventRecorded,
  statusesStored,
} from '../deployer.ts'
import { controllerError } from '../errors.ts'
import { confinement } from './code-process.ts'
import { type JobProcess, startJobProcess } from './job-process.ts'
import { type AnsweredCall, answered, answerStoreCall } from './job-store.ts'
import type { FromProcess, HostedJob } from './protocol.ts'

export interface JobProcessParts {
  readonly store: DurableStore
  /** The folder where a job's models go, and the rounds that stay there. */
  readonly modelsOf: (job: DeployableJob) => Promise<Pick<HostedJob, 'models' | 'keep' | 'mostModels'>>
  /** Bundles a job's workload for import in the job's process. Reads the job's code, and runs none of it. */
  readonly bundleOf: (job: DeployableJob) => Promise<BundledWorkload & { readonly folder: string }>
  /** Gives the models with which jobs begin, and tells whether a job needs a model. */
  readonly baseModels: Pick<BaseModels, 'weights' | 'isNeeded'>
  /** Threads that train, for each job. 0: the main thread of the job's process. A confined process always uses 0. */
  readonly workers: number
  /** Jobs that run at once. Default: any number. */
  readonly slots?: number
  /**
   * Gives processes the least rights that Node knows, and the right to read these folders. Default: the server's
   * rights.
   */
  readonly confined?: { readonly reads: readonly string[] }
  /**
   * By run: kills the job's process on purpose; the job goes on in another process. Each deployment adds and removes its
   * own entry.
   */
  readonly kills?: Map<string, () => void>
}

type Message =
  | DeploymentMessage
  | { readonly type: 'prepared'; readonly hosted: HostedJob; readonly deaths: number }
  | { readonly type: 'not-prepared'; readonly cause: unknown }
  | { readonly type: 'begin' }
  | { readonly type: 'heard'; readonly message: FromProcess | Error }
  | { readonly type: 'process-ended'; readonly how: string }
  | { readonly type: 'kill'; readonly isOnPurpose?: true }

/** A job fails when its process has ended by itself this many times without a round in between. */
const mostDeaths = 3
const firstBackOffMs = 200
/** Longest time for a process to end its tasks, before it is killed. */
const stopMs = 10_000

/**
 * Hosts each job's tasks in a process of their own: a job's code that ends, fills or blocks the process doesn't harm
 * the server. The server keeps the state of the roles: when a process ends by itself, a new process goes on from that
 * state.
 */
export function jobProcessDeployer({ slots, ...parts }: JobProcessParts): Deployer {
  return deployerBy('job-process', (job, reports) => deployment(job, reports, parts), { slots, faultsOf: runFaults })
}

function deployment(
  job: DeployableJob,
  reports: ActorRef<DeploymentReport>,
  { store, modelsOf, bundleOf, baseModels, workers, confined, kills }: Omit<JobProcessParts, 'slots'>,
): Behavior<Message> {
  return (context) => {
    const deathsKept = keptDeaths(store, job.run)
    /** Answers that are being made; the process that asked may have ended. */
    const underWay = new Set<Promise<void>>()
    let hosted: HostedJob | undefined
    /** Node's options: those of the server, such as one for more memory; a confined process has others. */
    let options: readonly string[] = process.execArgv
    let deaths = 0
    let running: JobProcess | undefined
    let hasEnded = false
    let isEnding = false
    let isKilledOnPurpose = false
    const killOnPurpose = () => context.self.tell({ type: 'kill', isOnPurpose: true })
    kills?.set(job.run, killOnPurpose)
    void context.track(prepared()).then(
      (message) => context.self.tell(message),
      (cause: unknown) => context.self.tell({ type: 'not-prepared', cause }),
    )
    context.signal.addEventListener(
      'abort',
      () => {
        if (kills?.get(job.run) === killOnPurpose) kills.delete(job.run)
        running?.kill()
      },
      { once: true },
    )

    return (message) => {
      switch (message.type) {
        case 'prepared':
          hosted = message.hosted
          deaths = message.deaths
          return begin()
        case 'not-prepared':
          return fail(message.cause)
        case 'begin':
          return begin()
        case 'heard':
          return message.message instanceof Error ? fail(message.message) : heard(message.message)
        case 'process-ended':
          return processEnded(message.how)
        case 'kill':
          isKilledOnPurpose = message.isOnPurpose === true && running !== undefined
          return running?.kill()
        case 'stop':
          isEnding = true
          // Without a process, `begin` ends the deployment.
          running?.send({ type: 'deployment', message })
          if (running) context.after(stopMs, { type: 'kill' })
          return
        case 'apply':
          // Between two processes no task has seen the former job.
          return running ? running.send({ type: 'deployment', message }) : reports.tell({ type: 'placed' })
        case 'task-reported':
          return
      }
    }

    async function prepared(): Promise<Message> {
      const { module, bundle, folder } = await bundleOf(job)
      const { models, ...rest } = await modelsOf(job)
      const own = join(models, job.run)
      if (confined) {
        await makeFolder(own)
        options = confinement({ reads: [folder, own, ...confined.reads], writes: [own] })
      }
      const given = { job, module: module.href, bundle: bundle.href, models, ...rest, workers: confined ? 0 : workers }
      return { type: 'prepared', hosted: given, deaths: await deathsKept.load() }
    }

    async function begin(): Promise<void> {
      // The last process's writes must be durable before the next process reads.
      await context.track(Promise.all(underWay))
      if (isEnding || !hosted) return context.stop()
      hasEnded = false
      running = startJobProcess(options, {
        heard: (message) => context.self.tell({ type: 'heard', message }),
        ended: (how) => context.self.tell({ type: 'process-ended', how }),
      })
      running.send({ type: 'host', ...hosted })
    }

    function heard(message: FromProcess): void {
      switch (message.type) {
        case 'store':
          return answer(message.call, answerStoreCall(store, job.run, message.store))
        case 'event':
          if (message.call === undefined) return reports.tell({ type: 'event', event: message.event })
          return answer(message.call, recorded(message.event))
        case 'store-statuses':
          return answer(
            message.call,
            statusesStored(context, reports).then(() => ({ value: null })),
          )
        case 'base-weights':
          return answer(
            message.call,
            answered(() => baseWeights(message.layout)),
          )
        case 'is-needed': {
          const { round, part } = message
          const model = { job: job.run, round, ...(part !== undefined && { part }) }
          return answer(
            message.call,
            answered(() => baseModels.isNeeded(model)),
          )
        }
        case 'deployment-failed':
          return reports.tell({ type: 'deployment-failed', cause: unpackError(message.cause) })
        case 'ended':
          hasEnded = true
          return message.cause && fail(unpackError(message.cause))
        default:
          return reports.tell(message)
      }
    }

    /** Answers a call. Calls reach the store in their order, while answers may overtake each other. */
    function answer(call: number, answered: Promise<AnsweredCall>): void {
      const to = running
      const sent = answered.then((given) => to?.send({ type: 'answer', call, ...given }))
      underWay.add(sent)
      void context.track(sent).then(
        () => underWay.delete(sent),
        (cause: unknown) => context.fail(cause),
      )
    }

    async function baseWeights(layout: Layout): Promise<Float32Array> {
      if (job.baseModel) return baseModels.weights(job.baseModel, layout)
      throw controllerError('JOB_STORE', { key: 'the base model' })
    }

    async function recorded(event: JobEvent): Promise<AnsweredCall> {
      await eventRecorded(context, reports, event)
      if (event.type === 'round' && deaths > 0) {
        deaths = 0
        await deathsKept.save(deaths)
      }
      return { value: null }
    }

    async function processEnded(how: string): Promise<void> {
      running = undefined
      if (hasEnded || isEnding) {
        await context.track(deathsKept.forget())
        return context.stop()
      }
      // The end of a process that was killed on purpose doesn't count towards giving the job up.
      if (!isKilledOnPurpose) deaths += 1
      isKilledOnPurpose = false
      await context.track(deathsKept.save(deaths))
      const isLast = deaths >= mostDeaths
      const next = isLast
        ? 'started again, the job goes on from the last committed round'
        : 'the job goes on from the last committed round in another process'
      const died = controllerError('JOB_PROCESS_ENDED', { times: deaths <= 1 ? 'once' : `${deaths} times`, how, next })
      if (isLast) {
        // A person who starts the job again has presumably mended the cause, so the count begins anew.
        await context.track(deathsKept.forget())
        return fail(died)
      }
      const { code, message, hint } = died
      reports.tell({ type: 'event', event: { type: 'notice', end: job.spec.designId, code, message, hint } })
      context.after(firstBackOffMs * 2 ** deaths, { type: 'begin' })
    }

    function fail(cause: unknown): void {
      if (!isEnding) reports.tell({ type: 'deployment-failed', cause })
      context.stop()
    }
  }
}

/**
 * Stores how often a job's processes have ended by themselves since its last round, so that another server goes on
 * counting.
 */
function keptDeaths(store: DurableStore, run: string) {
  const key = `job-deaths/${run}`
  let version = 0
  return {
    async load(): Promise<number> {
      const kept = await store.load(key)
      version = kept?.version ?? 0
      const deaths = kept && decode(kept.bytes)
      return typeof deaths === 'number' ? deaths : 0
    },
    async save(deaths: number): Promise<void> {
      version = await store.save(key, version, encode(deaths))
    },
    async forget(): Promise<void> {
      if (version > 0) await store.remove(key)
      version = 0
    },
  }
}
