import { jobActor, type JobEvent, type JobSpec, type JobState, endedStates } from '../../actors/index.ts'
import { type Behavior, CodedError, type Store } from '../../runtime/index.ts'
import { inlinePool, type Settings, stockRoles, type TrainingPool, type Workload } from '../../sdk/index.ts'
import { loadWorkload, workerPool } from '../../sdk/node/index.ts'
import { flamectlError } from '../errors.ts'
import type { Reporter } from '../output/reporter.ts'
import { compose, REGISTRY, REPORTER, STORE, SYSTEM } from './compose.ts'
import { findJob } from './find-job.ts'
import type { RunOptions } from './run-options.ts'

/** How a run ended. */
export type RunEnd = { readonly type: 'completed' } | { readonly type: 'stopped'; readonly rounds: number }

/**
 * Hosts a workload's whole job in this process until it ends. Aborting the signal stops it cleanly.
 * Throws a coded error if the job fails, or can't begin.
 */
export async function runWorkload(options: RunOptions, resumeCommand: string, signal: AbortSignal): Promise<RunEnd> {
  const scope = compose(options)
  const { workload, module } = await loadWorkload(options.workload)
  const store = await scope.resolve(STORE)
  const reporter = scope.resolve(REPORTER)
  try {
    return await follow()
  } finally {
    reporter.close()
    await store.close()
  }

  async function follow(): Promise<RunEnd> {
    const registry = scope.resolve(REGISTRY)
    const { record, resumed } = await findJob(store, workload, options, new Date().toISOString())
    const { spec } = record
    const latest = await registry.latest(spec.id)
    const committed = latest?.round ?? 0
    reporter.started({ ...spec, job: spec.id, ...(resumed ? { resumedAfter: committed } : {}) })
    if (latest && resumed) reporter.round({ ...latest, seconds: 0 })

    let rounds = committed
    if (record.state !== 'completed') {
      const end = await host(workload, module, spec, store, signal, (round) => (rounds = round))
      if (end === 'terminated') {
        reporter.stopped(rounds, resumeCommand)
        return { type: 'stopped', rounds }
      }
    }
    const last = await registry.latest(spec.id)
    if (last) reporter.done({ rounds: last.round, accuracy: last.metrics.accuracy, hash: last.hash, model: last.location })
    return { type: 'completed' }
  }

  async function host(
    definition: Workload,
    url: URL,
    spec: JobSpec,
    jobStore: Store,
    stop: AbortSignal,
    committed: (round: number) => void,
  ): Promise<JobState> {
    const pool = await poolOf(definition, url, spec, options.workers)
    const system = scope.resolve(SYSTEM)
    try {
      return await new Promise<JobState>((resolve, reject) => {
        const follower = system.spawn('follower', followJob(reporter, committed, spec, { resolve, reject }))
        const parts = { topology: definition.topology(spec.settings), strategy: definition.strategy(spec.settings), pool, roles: stockRoles }
        const job = system.spawn(
          spec.id,
          jobActor({
            spec,
            parts,
            store: jobStore,
            registry: scope.resolve(REGISTRY),
            follower,
            wallTime: () => new Date().toISOString(),
            checkDeterminism: options.check,
          }),
          { supervise: { type: 'stop' } },
        )
        void system.stopped(job).then(({ cause }) => reject(cause))
        const requestStop = () => job.tell({ type: 'stop' })
        if (stop.aborted) requestStop()
        else stop.addEventListener('abort', requestStop, { once: true })
        job.tell({ type: 'start' })
      })
    } finally {
      await system.terminate()
      await pool.close()
    }
  }
}

function poolOf(workload: Workload, module: URL, { seed, settings }: { seed: number; settings: Settings }, workers: number): Promise<TrainingPool> {
  return workers === 0 ? inlinePool(workload, settings, seed) : workerPool({ module, settings, seed, workers })
}

function followJob(reporter: Reporter, committed: (round: number) => void, spec: JobSpec, ended: { resolve(state: JobState): void; reject(cause: unknown): void }): Behavior<JobEvent> {
  return () => (event) => {
    switch (event.type) {
      case 'round':
        committed(event.round)
        reporter.round(event)
        return event.seen.tell(null)
      case 'notice':
        return reporter.notice(event.end, event.notice)
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
