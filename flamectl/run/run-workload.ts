import { type JobStatus, mostTasks } from '../../actors/model/index.ts'
import { CodedError } from '../../runtime/errors/index.ts'
import {
  type CommittedModel,
  choicesOf,
  chosenAlgorithm,
  defaultSeed,
  type ModelRegistry,
  requireLearner,
  requireReproducible,
  resolveSettings,
  type TrainingPool,
  validTopology,
} from '../../sdk/index.ts'
import { defaultWorkers, loadWorkload, poolFor } from '../../sdk/node/index.ts'
import { flamectlError } from '../errors.ts'
import type { FinalModel, Reporter } from '../output/reporter.ts'
import { earlierEvents, followedRun, plotJob, requirePlotPlace, stopOn, untilAtRest } from './followed-run.ts'
import type { RunOptions } from './run-options.ts'
import { MODELS, REPORTER, type RunModels, runRoot } from './run-root.ts'
import type { RunServer } from './run-server.ts'
import { createJob } from './workload-job.ts'

/** The end of a run. */
export type RunEnd = { readonly type: 'completed' } | { readonly type: 'stopped'; readonly rounds: number }

interface HostedJob {
  readonly job: string
  readonly state: JobStatus['state'] | undefined
  /** Number of the last event of earlier starts. */
  readonly after: number
  /** Filled with the parts of which a round has been shown. */
  readonly shown: Set<string | undefined>
}

/** States of a job of which no task runs. */
const restingStates: readonly JobStatus['state'][] = ['ready', 'failed', 'terminated']

/**
 * Runs a workload's whole job in this process until it ends: starts a control plane on loopback, creates the job through its
 * API, and follows its events. Aborting the signal stops it cleanly. Nothing is written before the workload, its settings,
 * its topology and its data have been found to be in order. Throws a coded error if the job fails, or can't begin.
 *
 * @param scope May have another reporter.
 */
export async function runWorkload(
  options: RunOptions,
  user: string,
  resumeCommand: string,
  signal: AbortSignal,
  scope = runRoot(options),
): Promise<RunEnd> {
  const { workers = options.hosts ? 1 : defaultWorkers() } = options
  const datasets = options.paths && { paths: options.paths }
  const { plot } = options
  if (plot !== undefined) await requirePlotPlace(plot)
  const loaded = await loadWorkload(options.workload)
  const settings = resolveSettings(loaded.workload.settings, options.overrides)
  const models = await scope.resolve(MODELS)
  const { registry, uploads } = models
  let pool: TrainingPool | undefined
  let server: RunServer | undefined
  let reporter: Reporter | undefined
  try {
    const open = async () => {
      const { openRunServer } = await import('./run-server.ts')
      return openRunServer({ ...options, workers, user, models, loaded, firstPool: () => pool })
    }
    if (options.resume) server = await open()
    const found = await server?.jobToResume(settings)
    const plan = found?.plan ?? { seed: options.seed ?? defaultSeed, settings }
    const choices = found?.choices ?? choicesOf(options.choices)
    const topology = validTopology(loaded.workload, plan.settings, choices, { mostTasks })
    if (options.check) await requireReproducible(loaded.workload, plan.settings, plan.seed, datasets)
    const state = found?.withMoreRounds ? 'ready' : found?.state
    if (state !== 'completed') {
      // The training threads start while this thread loads the server.
      const starting = poolFor({ ...loaded, ...plan, workers, datasets })
      const [started] = await Promise.all([starting, import('./run-server.ts')])
      pool = started
      requireLearner(chosenAlgorithm(loaded.workload.strategy(plan.settings), choices), pool)
    }
    server ??= await open()
    const job =
      found?.id ??
      (await createJob(server.connection, loaded, { ...plan, topology, choices, baseModel: options.baseModel }))
    if (found?.withMoreRounds) {
      const { client, user: owner } = server.connection
      await client.updateJob({ user: owner, jobId: job, body: found.withMoreRounds })
    }

    reporter = scope.resolve(REPORTER)
    models.hear((notice) => reporter?.notice(job, notice))
    const latest = found
      ? await lastModels(state === 'completed' ? registry : registryHere(models), await server.runOf(job))
      : []
    reporter.started({
      job,
      ...plan,
      ...(pool?.runsOn === undefined ? {} : { runsOn: pool.runsOn }),
      ...(found ? { resumedAfter: roundsOf(latest) } : {}),
    })
    const earlier = found ? await earlierEvents(server.connection, job) : { last: 0, rounds: [] }
    const shown = new Set<string | undefined>()
    const ended =
      state === 'completed' ? state : await hosted(server, { job, state, after: earlier.last, shown }, reporter)
    // A part that had ended before this start tells no round again.
    for (const round of earlier.rounds) if (!shown.has(round.part)) reporter.round(round)
    const run = await server.runOf(job)
    if (state === 'completed') {
      if (run !== undefined)
        await uploads?.settled(run, AbortSignal.any([signal, AbortSignal.timeout(options.uploadWaitMs)]))
    } else if (ended === 'terminated') {
      await plotted(server, job)
      const rounds = roundsOf(await lastModels(registryHere(models), run))
      if (!signal.aborted) throw flamectlError('RUN_STOPPED', { job, rounds, resumeCommand })
      reporter.stopped(rounds, resumeCommand)
      return { type: 'stopped', rounds }
    }
    const last = await lastModels(registry, run)
    await plotted(server, job)
    if (last.length === 0) throw flamectlError('RUN_MODELS_MISSING', { job, place: placeOf(options) })
    const isFolder = options.registry === undefined || options.registry.sort === 'files'
    const finalModels = await Promise.all(last.map((model) => finalModel(registry, model, isFolder)))
    reporter.done({ rounds: roundsOf(last), models: finalModels })
    const behind = run === undefined ? undefined : await uploads?.behind(run)
    if (behind && behind.rounds > 0) {
      const reason = behind.error
        ? `${behind.error.code}: ${behind.error.message}`
        : 'their upload was not over in time'
      throw flamectlError('RUN_BEHIND', { job, rounds: behind.rounds, reason, resumeCommand })
    }
    return { type: 'completed' }
  } catch (cause) {
    const trouble = server?.trouble()
    throw trouble ? resumable(trouble, resumeCommand) : cause
  } finally {
    reporter?.close()
    await server?.close()
    await pool?.close()
    models.close()
  }

  async function plotted({ connection }: RunServer, job: string): Promise<void> {
    if (plot !== undefined) await plotJob(connection, job, plot)
  }

  /** Brings a job from its present state to its end. */
  async function hosted(
    { connection, goOnWith, startHosts, reported, lastFault, troubled }: RunServer,
    { job, state, after, shown }: HostedJob,
    to: Reporter,
  ): Promise<'completed' | 'terminated'> {
    const { client, user } = connection
    await startHosts()
    const isUnderWay = state !== undefined && !restingStates.includes(state)
    goOnWith(isUnderWay ? job : undefined)
    if (state === 'stopping') await untilAtRest(connection, job, after)
    if (!isUnderWay || state === 'stopping') {
      if (signal.aborted) return 'terminated'
      await client.updateJobStatus({ user, jobId: job, body: { state: 'starting' } })
    }
    const over = new AbortController()
    const noted: typeof reported = (round) => {
      shown.add(round.part)
      reported(round)
    }
    try {
      return await Promise.race([
        followedRun(connection, { job, after, reported: noted, lastFault, signal: over.signal }, to),
        stopOn(signal, connection, job),
        troubled,
      ])
    } finally {
      over.abort()
    }
  }
}

/** The error that keeps a job from going on, with the command that resumes the job. */
function resumable({ code, message, hint, cause }: CodedError, resumeCommand: string): CodedError {
  const entry = { message: '{message}', hint: '{hint}\n  then go on: {resumeCommand}' }
  return new CodedError(code, entry, { message, hint, resumeCommand }, { cause })
}

/**
 * The model of a run's last round; of a run with several models a round, the last model of each part. A job that was never
 * started has no run.
 */
async function lastModels(registry: LastModels, run: string | undefined): Promise<CommittedModel[]> {
  if (run === undefined) return []
  const parts = [undefined, ...(await registry.parts(run))]
  const found = await Promise.all(parts.map((part) => registry.latest(run, part)))
  return found.filter((model) => model !== undefined)
}

/** The place of the models, as a person names it. */
function placeOf({ registry, models }: RunOptions): string {
  if (registry === undefined) return models
  switch (registry.sort) {
    case 'files':
      return registry.folder
    case 'memory':
      return 'memory:'
    default:
      return registry.address
  }
}

/** The models of a job that isn't over, which needs no registry that may be away. */
function registryHere({ registry, uploads }: RunModels): LastModels {
  return uploads?.here ?? registry
}

type LastModels = Pick<ModelRegistry, 'parts' | 'latest'>

/** The number of rounds that every one of the models has. */
function roundsOf(models: readonly CommittedModel[]): number {
  return models.length === 0 ? 0 : Math.min(...models.map(({ round }) => round))
}

async function finalModel(
  registry: ModelRegistry,
  { job, round, part }: CommittedModel,
  isFolder: boolean,
): Promise<FinalModel> {
  const { metrics, hash, location, modelTopology } = await registry.load(job, round, part)
  const hasArchitecture = modelTopology !== undefined
  return { ...(part === undefined ? {} : { part }), metrics, hash, model: location, isFolder, hasArchitecture }
}
