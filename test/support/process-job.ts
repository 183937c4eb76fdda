import { join } from 'node:path'
import { archivedWorkloads, jobProcessDeployer, type NumberedEvent } from '../../actors/index.ts'
import { memoryStore, type Store, systemClock } from '../../runtime/index.ts'
import { twoTier } from '../../sdk/index.ts'
import { type ControllerStage, controllerStage } from './actor-stages.ts'
import { type SlowWorkload, slowWorkload, storeJob, zipped } from './stored-job.ts'
import { temporaryFolder } from './temporary-folder.ts'

export interface ProcessJobOptions extends SlowWorkload {
  readonly rounds?: number
  readonly workers?: number
  readonly confined?: { readonly reads: readonly string[] }
}

export interface EndedProcessJob {
  readonly state: unknown
  readonly code: unknown
  readonly message: unknown
  readonly hashes: readonly string[]
  /** Lines of the job's log, and notices about the job. */
  readonly told: readonly string[]
}

export interface ProcessJob extends AsyncDisposable {
  readonly stage: ControllerStage
  readonly store: Store
  readonly folder: string
  /** Waits for an event that fits. */
  event(fits: (event: NumberedEvent['event']) => boolean): Promise<NumberedEvent>
  start(): Promise<void>
  stop(): Promise<void>
  ended(): Promise<EndedProcessJob>
}

const [user, job, clients] = ['u', 'j', 3]

/** Makes a job whose code runs in a process of its own, on a controller in this process. */
export async function processJob(options: ProcessJobOptions = {}): Promise<ProcessJob> {
  const { rounds = 4, workers = 0, confined } = options
  const folder = await temporaryFolder()
  const store = memoryStore()
  const code = zipped({ 'top-aggregator/README': '-', 'trainer/workload.js': slowWorkload(options) })
  const spec = { modelSpec: { hyperparameters: { rounds, seed: 7 } } }
  await storeJob(store, { user, job, schema: twoTier({ clients }).schema, code, clients, spec })
  const deployer = jobProcessDeployer({
    store,
    modelsOf: async () => ({ models: join(folder.path, 'models') }),
    bundleOf: archivedWorkloads({ store, folder: join(folder.path, 'code') }).bundleOf,
    baseModels: {
      weights: async () => {
        throw new Error('the job begins with no model')
      },
      isNeeded: async () => false,
    },
    workers,
    ...(confined ? { confined } : {}),
  })
  const stage = controllerStage({ store, deployer, clock: systemClock(), now: () => new Date().toISOString() })
  const ask = async (state: 'starting' | 'stopping') => {
    await stage.ask<null>((replyTo) => ({ type: 'ask-job-state', user, job, state, replyTo }))
  }
  const event = async (fits: (event: NumberedEvent['event']) => boolean) => {
    for (;;) {
      const found = (await stage.events(user, job)).find((each) => fits(each.event))
      if (found) return found
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
  return {
    stage,
    store,
    folder: folder.path,
    event,
    start: () => ask('starting'),
    stop: () => ask('stopping'),
    async ended() {
      const { event: end } = await event(
        (each) => each.type === 'state' && ['completed', 'failed', 'terminated'].includes(each.state),
      )
      const all = (await stage.events(user, job)).map((each) => each.event)
      const rounds = new Map(all.flatMap((each) => (each.type === 'round' ? [[each.round, each.hash] as const] : [])))
      const cause = end.type === 'state' ? end.cause : undefined
      return {
        state: end.type === 'state' ? end.state : undefined,
        code: cause?.code,
        message: cause?.message,
        hashes: [...rounds.values()],
        told: all.flatMap((each) =>
          each.type === 'log'
            ? [` ${each.message}`]
            : each.type === 'notice'
              ? [`${each.code} ${each.message}; ${each.hint}`]
              : [],
        ),
      }
    },
    async [Symbol.asyncDispose]() {
      await stage[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
}

/** Runs a job to its end. */
export async function runProcessJob(options: ProcessJobOptions = {}): Promise<EndedProcessJob> {
  await using running = await processJob(options)
  await running.start()
  return await running.ended()
}
