import type { ActorRef, Behavior, DurableStore } from '../../../runtime/index.ts'
import {
  type Algorithm,
  type JobSurroundings,
  type ModelRegistry,
  type RoleTask,
  type RoundRecord,
  rendezvous,
  roleHost,
  type Settings,
  type TaskReport,
  type TrainingPool,
  weightsHash,
} from '../../../sdk/index.ts'
import type { RoundSummary } from '../../model/job-event.ts'

/** The tasks of a job, and what they run with. */
export interface HostedTasks {
  /** Names their state in the store, and their models in the registry. */
  readonly run: string
  /** The workload's name, for the models' lineage. */
  readonly workload: string
  readonly seed: number
  readonly settings: Settings
  readonly strategy: Algorithm
  readonly pool: TrainingPool
  readonly tasks: readonly RoleTask[]
  readonly store: DurableStore
  readonly registry: ModelRegistry
  readonly reports: ActorRef<TaskReport>
  /** Resolves when whoever follows the job knows of a committed round: the next one isn't committed before. Never rejects. */
  readonly onRound: (round: RoundSummary) => Promise<void>
  /** Run each round twice and compare. */
  readonly checkDeterminism: boolean
  /** Another process may be running the same tasks still. */
  readonly takenOver: boolean
}

/** Parent of a rendezvous and a role actor for each task, so that they end together. */
export function hostedTasks({ run, tasks, registry, workload, onRound, ...shared }: HostedTasks): Behavior<never> {
  return (context) => {
    const { seed, settings, store, pool, strategy, reports, checkDeterminism, takenOver } = shared
    const hashes = new Map<number, string>()
    let roundBegan = context.clock.now()
    let isKnown: Promise<void> = Promise.resolve()

    const job: JobSurroundings = {
      job: run,
      seed,
      settings,
      store,
      takenOver,
      pool,
      strategy,
      rendezvous: context.spawn('rendezvous', rendezvous(), { supervise: { type: 'escalate' } }),
      publish,
      announce,
      reports,
      checkDeterminism,
    }
    for (const task of tasks)
      context.spawn(task.end, roleHost(task, job), {
        supervise: { type: 'restart', max: Number.POSITIVE_INFINITY, withinMs: 1 },
      })
    return () => {}

    /** A model is there before its round is committed: so no round goes unknown, whenever the process is killed. */
    async function publish({ round, weights, metrics, members }: RoundRecord): Promise<void> {
      await isKnown
      context.signal.throwIfAborted()
      const hash = await weightsHash(weights)
      const { layout, modelTopology } = pool
      await registry.commit({
        job: run,
        round,
        weights,
        layout,
        metrics,
        members,
        hash,
        seed,
        workload,
        ...(modelTopology === undefined ? {} : { modelTopology }),
      })
      hashes.set(round, hash)
    }

    /** The next round begins meanwhile. */
    async function announce({ round, metrics, members }: RoundRecord): Promise<void> {
      const now = context.clock.now()
      const seconds = (now - roundBegan) / 1000
      const hash = hashes.get(round) ?? ''
      hashes.delete(round)
      roundBegan = now
      isKnown = onRound({ round, metrics, members, hash, seconds })
    }
  }
}
