import {
  createJob,
  endedStates,
  type JobEvent,
  type JobParts,
  type JobRecord,
  type JobSpec,
  type JobState,
  jobActor,
} from '../../actors/index.ts'
import { type Behavior, CodedError, type Store } from '../../runtime/index.ts'
import {
  assertValid,
  inlinePool,
  resolveSettings,
  stockRoles,
  type TrainingPool,
  type Workload,
} from '../../sdk/index.ts'
import { loadWorkload, workerPool } from '../../sdk/node/index.ts'
import { flamectlError } from '../errors.ts'
import type { Reporter } from '../output/reporter.ts'
import { compose, REGISTRY, REPORTER, STORE, SYSTEM } from './compose.ts'
import { defaultSeed, jobToResume, nextJob } from './find-job.ts'
import type { RunOptions } from './run-options.ts'

/** How a run ended. */
export type RunEnd = { readonly type: 'completed' } | { readonly type: 'stopped'; readonly rounds: number }

type Plan = Pick<JobSpec, 'seed' | 'settings'>

/**
 * Hosts a workload's whole job in this process until it ends. Aborting the signal stops it cleanly. Nothing is written
 * before the workload, its settings, its topology and its data have been found to be in order.
 * Throws a coded error if the job fails, or can't begin.
 */
export async function runWorkload(options: RunOptions, resumeCommand: string, signal: AbortSignal): Promise<RunEnd> {
  const scope = compose(options)
  const registry = scope.resolve(REGISTRY)
  const { workload, module } = await loadWorkload(options.workload)
  const settings = resolveSettings(workload.settings, options.overrides)
  let store: Store | undefined
  let pool: TrainingPool | undefined
  let reporter: Reporter | undefined
  try {
    if (options.resume) store = await scope.resolve(STORE)
    const found = store && (await jobToResume(store, workload, settings, options))
    const plan: Plan = found?.spec ?? { seed: options.seed ?? defaultSeed, settings }
    const design = designOf(workload, plan)
    if (found?.state !== 'completed') pool = await poolOf(workload, module, plan, options.workers)
    store ??= await scope.resolve(STORE)
    const record: JobRecord = found ?? (await createJob(store, await nextJob(store, workload, plan), wallTime()))

    const { spec } = record
    reporter = scope.resolve(REPORTER)
    const latest = found && (await registry.latest(spec.id))
    reporter.started({
      ...spec,
      job: spec.id,
      ...(pool?.runsOn === undefined ? {} : { runsOn: pool.runsOn }),
      ...(found ? { resumedAfter: latest?.round ?? 0 } : {}),
    })
    if (latest) reporter.round({ ...latest, seconds: 0 })
    if (pool) {
      const end = await host(spec, { ...design, pool, roles: stockRoles }, store, reporter)
      if (end === 'terminated') {
        const rounds = (await registry.latest(spec.id))?.round ?? 0
        reporter.stopped(rounds, resumeCommand)
        return { type: 'stopped', rounds }
      }
    }
    const last = await registry.latest(spec.id)
    if (last)
      reporter.done({ rounds: last.round, accuracy: last.metrics.accuracy, hash: last.hash, model: last.location })
    return { type: 'completed' }
  } finally {
    reporter?.close()
    await pool?.close()
    await store?.close()
  }

  async function host(spec: JobSpec, parts: JobParts, jobStore: Store, to: Reporter): Promise<JobState> {
    const system = scope.resolve(SYSTEM)
    try {
      return await new Promise<JobState>((resolve, reject) => {
        const follower = system.spawn('follower', followJob(to, spec, { resolve, reject }))
        const behavior = jobActor({
          spec,
          parts,
          store: jobStore,
          registry,
          follower,
          wallTime,
          checkDeterminism: options.check,
        })
        const job = system.spawn(spec.id, behavior, { supervise: { type: 'stop' } })
        void system.stopped(job).then(({ cause }) => reject(cause))
        const requestStop = () => job.tell({ type: 'stop' })
        job.tell({ type: 'start' })
        if (signal.aborted) requestStop()
        else signal.addEventListener('abort', requestStop, { once: true })
      })
    } finally {
      await system.terminate()
    }
  }
}

/** The topology and the strategy, checked. */
function designOf(workload: Workload, { settings }: Plan): Pick<JobParts, 'topology' | 'strategy'> {
  const topology = workload.topology(settings)
  assertValid(topology)
  return { topology, strategy: workload.strategy(settings) }
}

function poolOf(workload: Workload, module: URL, { seed, settings }: Plan, workers: number): Promise<TrainingPool> {
  return workers === 0 ? inlinePool(workload, settings, seed) : workerPool({ module, settings, seed, workers })
}

function followJob(
  reporter: Reporter,
  spec: JobSpec,
  ended: { resolve(state: JobState): void; reject(cause: unknown): void },
): Behavior<JobEvent> {
  return () => (event) => {
    switch (event.type) {
      case 'round':
        reporter.round(event)
        return event.seen.tell(null)
      case 'notice':
        return reporter.notice(event.end, event.notice)
      case 'log':
        return reporter.log(event.end, event.entry)
      case 'metrics':
        return reporter.log(event.end, { message: 'metrics of a round:', fields: event.metrics })
      case 'state':
        if (event.state === 'failed') ended.reject(failure(spec, event.cause))
        else if (endedStates.includes(event.state)) ended.resolve(event.state)
    }
  }
}

function failure({ id }: JobSpec, cause: unknown): unknown {
  if (cause instanceof CodedError) return cause
  return flamectlError('RUN_FAILED', { job: id, cause: cause instanceof Error ? cause.message : cause }, { cause })
}

function wallTime(): string {
  return new Date().toISOString()
}
