import {
  type ActorRef,
  type ActorSystem,
  type ActorSystemOptions,
  actorSystem,
  memoryStore,
  type Store,
} from '../../runtime/index.ts'
import { type JobSurroundings, rendezvous, roleHost, type TaskEnd, type TaskReport } from '../host/index.ts'
import { wiringOf } from '../role/channel/wiring.ts'
import type { AnyRole, RoundRecord } from '../role/role.ts'
import type { Algorithm } from '../strategy/algorithm.ts'
import { fedAvg } from '../strategy/algorithms/server/index.ts'
import { expand } from '../tag/expand.ts'
import type { Topology } from '../tag/topology.ts'
import type { TrainingPool } from '../training/training-pool.ts'
import { tinyPool } from './tiny-pool.ts'

export interface StageOptions {
  readonly topology: Topology
  /** Roles by the names in the topology. */
  readonly roles: Readonly<Record<string, AnyRole>>
  readonly store?: Store
  readonly strategy?: Algorithm
  readonly pool?: TrainingPool
  readonly rounds?: number
  /** Further settings of the job, besides rounds and clients. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>
  readonly checkDeterminism?: boolean
  readonly takenOver?: boolean
  readonly system?: ActorSystemOptions
  /** Ends that don't start, as if their machines were off. */
  readonly absent?: readonly string[]
  readonly onReport?: (report: TaskReport) => void
  readonly onPublish?: (record: RoundRecord) => void | Promise<void>
}

/** The role actors of a job without the job. Records each report and publication, and can stop each role actor. */
export interface RoleStage extends AsyncDisposable {
  readonly system: ActorSystem
  readonly reports: readonly TaskReport[]
  readonly published: readonly RoundRecord[]
  readonly announced: readonly number[]
  /** Resolves with the end of an end's task. */
  ended(end: string): Promise<TaskEnd>
  /** Stops an end for good, as if its process had died. */
  stop(end: string): void
}

/** Starts the tasks of a topology. */
export function roleStage(options: StageOptions): RoleStage {
  const { topology, roles, store = memoryStore(), strategy = fedAvg(), pool = tinyPool({ clients: 9 }) } = options
  const system = actorSystem(options.system)
  const reports: TaskReport[] = []
  const published: RoundRecord[] = []
  const announced: number[] = []
  const waiting = new Map<string, (report: TaskEnd) => void>()
  const ends = new Map<string, TaskEnd>()
  const job: JobSurroundings = {
    job: 'job-1',
    seed: 1,
    settings: { ...options.settings, rounds: options.rounds ?? 3, clients: pool.clients },
    store,
    pool,
    strategy,
    rendezvous: system.spawn('rendezvous', rendezvous()),
    async publish(record) {
      await options.onPublish?.(record)
      published.push(record)
    },
    announce: async ({ round }) => void announced.push(round),
    reports: system.spawn<TaskReport>('reports', () => (report) => {
      reports.push(report)
      options.onReport?.(report)
      if (report.type !== 'task-completed' && report.type !== 'task-failed') return
      ends.set(report.end, report)
      waiting.get(report.end)?.(report)
    }),
    checkDeterminism: options.checkDeterminism ?? false,
    takenOver: options.takenOver ?? false,
  }
  const tasks = expand(topology, { jobId: job.job, newKey: () => '' })
  const wire = wiringOf(tasks)
  const refs = new Map<string, ActorRef<never>>()
  for (const task of tasks) {
    const role = roles[task.role]
    if (!role || options.absent?.includes(task.end)) continue
    const client = task.dataset === undefined ? {} : { client: Number(task.dataset) }
    const host = roleHost({ end: task.end, role, channels: wire(task), ...client }, job)
    const supervise = { type: 'restart', max: Number.POSITIVE_INFINITY, withinMs: 1 } as const
    refs.set(task.end, system.spawn(task.end, host, { supervise }))
  }
  return {
    system,
    reports,
    published,
    announced,
    ended: (end) =>
      new Promise((resolve) => {
        const report = ends.get(end)
        if (report) resolve(report)
        else waiting.set(end, resolve)
      }),
    stop(end) {
      const ref = refs.get(end)
      if (ref) system.stop(ref)
    },
    [Symbol.asyncDispose]: () => system.terminate(),
  }
}
