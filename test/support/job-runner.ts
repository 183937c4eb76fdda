import {
  createJob,
  endedStates,
  type JobEvent,
  type JobSpec,
  type JobState,
  jobActor,
  type RoundSummary,
} from '../../actors/index.ts'
import { type ActorSystem, type ActorSystemOptions, actorSystem, type Store } from '../../runtime/index.ts'
import {
  type AnyRole,
  type ModelRegistry,
  memoryRegistry,
  type Strategy,
  stockRoles,
  type Topology,
  type TrainingPool,
} from '../../sdk/index.ts'

export interface JobToRun {
  readonly topology: Topology
  readonly strategy: Strategy
  readonly pool: TrainingPool
  readonly store: Store
  readonly registry?: ModelRegistry
  readonly rounds?: number
  readonly seed?: number
  readonly system?: ActorSystemOptions
  readonly checkDeterminism?: boolean
  /** By the names of the topology. Default: the stock roles. */
  readonly roles?: Readonly<Record<string, AnyRole>>
  /** Called at everything that the job tells its follower. */
  readonly onEvent?: (event: JobEvent) => void
  /** Called at each committed round. */
  readonly onRound?: (round: RoundSummary, system: ActorSystem) => void
}

export interface JobRun {
  readonly state: JobState | 'crashed'
  readonly cause: unknown
  readonly rounds: readonly RoundSummary[]
  readonly notices: readonly string[]
}

const at = '2026-01-01T00:00:00Z'

/** Runs a job in memory until it has ended, or its actor system was terminated. */
export async function runJob(job: JobToRun): Promise<JobRun> {
  const {
    topology,
    strategy,
    pool,
    store,
    registry = memoryRegistry(),
    rounds = 3,
    seed = 1,
    checkDeterminism = false,
  } = job
  const spec: JobSpec = { id: 'job-1', workload: 'job', seed, settings: { rounds, clients: pool.clients } }
  if (!(await store.documents.get('jobs', spec.id))) await createJob(store, spec, at)
  const system = actorSystem(job.system)
  const committed: RoundSummary[] = []
  const notices: string[] = []
  const ended = await new Promise<Pick<JobRun, 'state' | 'cause'>>((resolve) => {
    const follower = system.spawn<JobEvent>('follower', () => (event) => {
      job.onEvent?.(event)
      if (event.type === 'round') {
        committed.push(event)
        job.onRound?.(event, system)
        event.seen.tell(null)
      } else if (event.type === 'notice') notices.push(event.notice.code)
      else if (event.type === 'state' && endedStates.includes(event.state))
        resolve({ state: event.state, cause: event.cause })
    })
    const parts = { topology, strategy, pool, roles: job.roles ?? stockRoles }
    const actor = system.spawn(
      'job',
      jobActor({ spec, parts, store, registry, follower, wallTime: () => at, checkDeterminism }),
      { supervise: { type: 'stop' } },
    )
    void system.stopped(actor).then(({ cause }) => resolve({ state: 'crashed', cause }))
    actor.tell({ type: 'start' })
  })
  await system.terminate()
  return { ...ended, rounds: committed, notices }
}
