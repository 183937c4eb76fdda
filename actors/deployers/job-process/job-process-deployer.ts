import { join } from 'node:path'
import { type ActorRef, type Behavior, type DurableStore, decode, encode, unpackError } from '../../../runtime/index.ts'
import { makeFolder } from '../../../runtime/node/index.ts'
import type { BundledWorkload } from '../../../sdk/node/index.ts'
import { runFaults } from '../../model/algorithms.ts'
import type { JobEvent } from '../../model/job-event.ts'
import {
  type DeployableJob,
  type Deployer,
  type DeploymentMessage,
  type DeploymentReport,
  deploymentBy,
  eventRecorded,
} from '../deployer.ts'
import { controllerError } from '../errors.ts'
import { confinement, type JobProcess, startJobProcess } from './job-process.ts'
import { type AnsweredCall, answerStoreCall } from './job-store.ts'
import type { FromProcess, HostedJob } from './protocol.ts'

export interface JobProcessParts {
  readonly store: DurableStore
  /** Folder of the models. */
  readonly models: string
  /** A job's workload as its process can import it: reads the job's code, and runs nothing of it. */
  readonly bundleOf: (job: DeployableJob) => Promise<BundledWorkload & { readonly folder: string }>
  /** Threads that train, for each job. 0: the main thread of its process, as always if it's confined. */
  readonly workers: number
  /** Jobs that run at once. Default: any number. */
  readonly places?: number
  /** The processes have the least rights that Node gives, and read these folders besides. Default: the server's rights. */
  readonly confined?: { readonly reads: readonly string[] }
}

type Message =
  | DeploymentMessage
  | { readonly type: 'prepared'; readonly hosted: HostedJob; readonly deaths: number }
  | { readonly type: 'not-prepared'; readonly cause: unknown }
  | { readonly type: 'begin' }
  | { readonly type: 'heard'; readonly message: FromProcess | Error }
  | { readonly type: 'process-ended'; readonly how: string }
  | { readonly type: 'kill' }

/** A job whose process ended by itself so often without a round in between has failed. */
const mostDeaths = 3
const firstBackOffMs = 200
/** How long a process may take to end what it hosts. */
const stopMs = 10_000

/**
 * Hosts the tasks of each job in a process of its own, which the job's code can end, fill or keep busy without harm to the
 * server. The state of its roles stays with the server: a process that ended is followed by another that goes on from there.
 */
export function jobProcessDeployer({ places, ...parts }: JobProcessParts): Deployer {
  return {
    ...(places === undefined ? {} : { places }),
    faultsOf: runFaults,
    deployment: (job, reports) => deploymentBy('job-process', deployment(job, reports, parts)),
  }
}

function deployment(
  job: DeployableJob,
  reports: ActorRef<DeploymentReport>,
  { store, models, bundleOf, workers, confined }: Omit<JobProcessParts, 'places'>,
): Behavior<Message> {
  return (context) => {
    const deathsKept = keptDeaths(store, job.run)
    /** Answers to a process that may have ended since. */
    const underWay = new Set<Promise<void>>()
    let hosted: HostedJob | undefined
    /** As the server itself was started, such as with more memory; a confined process has options of its own. */
    let options: readonly string[] = process.execArgv
    let deaths = 0
    let running: JobProcess | undefined
    let hasEnded = false
    let isEnding = false
    void context.track(prepared()).then(
      (message) => context.self.tell(message),
      (cause: unknown) => context.self.tell({ type: 'not-prepared', cause }),
    )
    context.signal.addEventListener('abort', () => running?.kill(), { once: true })

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
          return running?.kill()
        case 'stop':
          isEnding = true
          // One that is being prepared, or waits for its next process, ends when its turn comes.
          running?.send({ type: 'deployment', message })
          if (running) context.after(stopMs, { type: 'kill' })
          return
        case 'apply':
          // Between two processes nothing sees what the job was.
          return running ? running.send({ type: 'deployment', message }) : reports.tell({ type: 'placed' })
        case 'task-reported':
          return
      }
    }

    async function prepared(): Promise<Message> {
      const { module, bundle, folder } = await bundleOf(job)
      const own = join(models, job.run)
      if (confined) {
        await makeFolder(own)
        options = confinement({ reads: [folder, own, ...confined.reads], writes: [own] })
      }
      const given = { job, module: module.href, bundle: bundle.href, models, workers: confined ? 0 : workers }
      return { type: 'prepared', hosted: given, deaths: await deathsKept.load() }
    }

    async function begin(): Promise<void> {
      // What the last process wrote is there before the next one looks.
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
        case 'deployment-failed':
          return reports.tell({ type: 'deployment-failed', cause: unpackError(message.cause) })
        case 'ended':
          hasEnded = true
          return message.cause && fail(unpackError(message.cause))
        default:
          return reports.tell(message)
      }
    }

    /** In the order of the calls, as far as the store is asked: the answers may overtake each other. */
    function answer(call: number, answered: Promise<AnsweredCall>): void {
      const to = running
      const sent = answered.then((given) => to?.send({ type: 'answer', call, ...given }))
      underWay.add(sent)
      void context.track(sent).then(
        () => underWay.delete(sent),
        (cause: unknown) => context.fail(cause),
      )
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
      deaths += 1
      await context.track(deathsKept.save(deaths))
      const isLast = deaths >= mostDeaths
      const next = isLast
        ? 'started again, the job goes on from the last committed round'
        : 'the job goes on from the last committed round in another process'
      const died = controllerError('JOB_PROCESS_ENDED', { times: deaths === 1 ? 'once' : `${deaths} times`, how, next })
      if (isLast) {
        // A person who starts the job again has mended it: its deaths are counted anew.
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

/** How often a job's processes ended by themselves since its last round: kept, so that another server counts on. */
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
