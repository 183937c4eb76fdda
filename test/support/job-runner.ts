import {
  type ActorSystem,
  type ActorSystemOptions,
  actorSystem,
  type Behavior,
  CodedError,
  type Store,
} from '../../runtime/index.ts'
import {
  type Algorithm,
  type AnyRole,
  assertValid,
  expand,
  hostedTasks,
  type ModelRegistry,
  memoryRegistry,
  type RoleTask,
  type RoundSummary,
  stockRoles,
  type TaskReport,
  type Topology,
  type TrainingPool,
  taskTally,
  wiringOf,
} from '../../sdk/index.ts'

export interface JobToRun {
  readonly topology: Topology
  readonly strategy: Algorithm
  readonly pool: TrainingPool
  readonly store: Store
  readonly registry?: ModelRegistry
  readonly rounds?: number
  readonly seed?: number
  readonly system?: ActorSystemOptions
  readonly checkDeterminism?: boolean
  /** By the names of the topology. Default: the stock roles. */
  readonly roles?: Readonly<Record<string, AnyRole>>
  /** Called at everything that the tasks report. */
  readonly onReport?: (report: TaskReport) => void
  /** Called at each committed round. */
  readonly onRound?: (round: RoundSummary, system: ActorSystem) => void
}

export interface JobRun {
  readonly state: 'completed' | 'failed' | 'crashed'
  readonly cause: unknown
  readonly rounds: readonly RoundSummary[]
  readonly notices: readonly string[]
}

/** Runs the tasks of a job, with neither catalogue nor controller, until they have ended or their system was terminated. */
export async function runJob(job: JobToRun): Promise<JobRun> {
  const system = actorSystem(job.system)
  const rounds: RoundSummary[] = []
  const notices: string[] = []
  const ended = await new Promise<Pick<JobRun, 'state' | 'cause'>>((resolve) => {
    const behavior = jobOf(
      job,
      {
        round(round) {
          rounds.push(round)
          job.onRound?.(round, system)
        },
        notice: (code) => notices.push(code),
      },
      resolve,
    )
    const actor = system.spawn('job', behavior, { supervise: { type: 'stop' } })
    void system.stopped(actor).then(({ cause }) => resolve({ state: 'crashed', cause }))
  })
  await system.terminate()
  return { ...ended, rounds, notices }
}

type Message = TaskReport | { readonly type: 'tasks-stopped'; readonly cause: unknown }

function jobOf(
  { topology, strategy, pool, store, registry = memoryRegistry(), rounds = 3, seed = 1, ...job }: JobToRun,
  to: { round(round: RoundSummary): void; notice(code: string): void },
  end: (ended: Pick<JobRun, 'state' | 'cause'>) => void,
): Behavior<Message> {
  return (context) => {
    const tasks = tasksOf(topology, job.roles ?? stockRoles)
    const tally = taskTally(expand(topology, { jobId: 'job-1', newKey: () => '' }))
    const behavior = hostedTasks({
      run: 'job-1',
      workload: 'job',
      seed,
      settings: { rounds, clients: pool.clients },
      strategy,
      pool,
      tasks,
      store,
      registry,
      reports: context.self,
      onRound: async (round) => to.round(round),
      checkDeterminism: job.checkDeterminism ?? false,
      takenOver: false,
    })
    context.watch(context.spawn('tasks', behavior, { supervise: { type: 'stop' } }), ({ cause }) => ({
      type: 'tasks-stopped',
      cause,
    }))
    return (message) => {
      switch (message.type) {
        case 'tasks-stopped':
          return end({ state: 'failed', cause: message.cause })
        case 'task-completed':
        case 'task-failed': {
          job.onReport?.(message)
          if (message.type === 'task-failed') to.notice(codeOf(message.cause))
          const role = tally.ended(message)
          if (role !== undefined && message.type === 'task-failed') end({ state: 'failed', cause: message.cause })
          else if (tally.allEnded) end({ state: 'completed', cause: undefined })
          return
        }
        case 'notice':
          to.notice(message.notice.code)
      }
      job.onReport?.(message)
    }
  }
}

function tasksOf(topology: Topology, roles: Readonly<Record<string, AnyRole>>): RoleTask[] {
  assertValid(topology)
  const tasks = expand(topology, { jobId: 'job-1', newKey: () => '' })
  const wire = wiringOf(tasks)
  return tasks.map((task) => {
    const role = roles[task.role]
    if (!role) throw new Error(`there is no role ${task.role}`)
    const client = task.dataset === undefined ? {} : { client: Number(task.dataset) }
    return { end: task.end, role, channels: wire(task), ...client }
  })
}

function codeOf(cause: unknown): string {
  return cause instanceof CodedError ? cause.code : 'TASK_FAILED'
}
