import type { ActorRef, Behavior, DurableStore } from '../../runtime/index.ts'
import { decodeRoleMessage } from '../role/channel/wiring.ts'
import type { Notice, Settings } from '../role/role.ts'
import { emulationNotice } from '../training/job-products.ts'
import type { Layout } from '../weights/layout.ts'
import { storedAdoptions } from './adoptions.ts'
import { decodeRendezvousMessage, type RendezvousMessage, rendezvous as rendezvousOfJob } from './rendezvous.ts'
import { roleHost } from './role-host.ts'
import type { JobSurroundings, RoleTask, TaskReport } from './role-task.ts'
import { type PublishedRounds, roundPublisher } from './round-publisher.ts'

/** The tasks of one host, and their shared parts. The clock is that of the host's actor system. */
export interface HostedTasks extends PublishedRounds {
  readonly settings: Settings
  /** All tasks of the job, or those that this host runs. */
  readonly tasks: readonly RoleTask[]
  /** Keeps the tasks' state, under keys with the name of the run. */
  readonly store: DurableStore
  /** The rendezvous of the job, if other hosts run tasks of the job. Default: an actor of this host. */
  readonly rendezvous?: ActorRef<RendezvousMessage>
  /** Some tasks of the job run on other nodes. Default false. */
  readonly isSpread?: boolean
  /** Receives the tasks' reports. A tally of all tasks decides from them whether the job has ended. */
  readonly reports: ActorRef<TaskReport>
  /** As `JobSurroundings.drawSecret`. */
  readonly drawSecret?: () => Uint8Array
  /** Run each round twice and compare both runs. */
  readonly checkDeterminism: boolean
  /** Another process may still be running the same tasks. */
  readonly takenOver: boolean
}

/** Gives the weights of a job's base model in the layout of the job's own. WEIGHTS_MISMATCH where they don't fit. */
export type BaseWeights = (layout: Layout) => Promise<Float32Array>

/** How each role host is spawned. A role host counts its attempts by itself. */
const hosting = {
  supervise: { type: 'restart', max: Number.POSITIVE_INFINITY, withinMs: 1 },
  decode: decodeRoleMessage,
  borrows: true,
} as const

/** Messages to the host of tasks. Sent on this node alone. */
export type HostedTasksMessage =
  /** Stops some of the tasks, and calls back when they have stopped. */
  | { readonly type: 'stop-tasks'; readonly ends: readonly string[]; readonly stopped: () => void }
  | { readonly type: 'task-stopped'; readonly end: string }

/**
 * Hosts tasks of a job: parent of one role actor for each task, and of the job's rendezvous, so that they end together.
 */
export function hostedTasks({
  run,
  tasks,
  registry,
  workload,
  algorithm,
  onRound,
  ...shared
}: HostedTasks): Behavior<HostedTasksMessage> {
  return (context) => {
    const { seed, settings, store, pool, strategy, reports, checkDeterminism, takenOver, isSpread = false } = shared
    const { publish, announce } = roundPublisher(
      { run, workload, algorithm, registry, seed, pool, strategy, onRound },
      context,
    )
    const notice = (end: string, given: Notice) => reports.tell({ type: 'notice', end, notice: given })
    const [first] = tasks
    const emulation = emulationNotice(pool.jobProducts)
    if (first && emulation) notice(first.end, emulation)
    const rendezvous =
      shared.rendezvous ??
      context.spawn('rendezvous', rendezvousOfJob(storedAdoptions(store, run, notice)), {
        supervise: { type: 'escalate' },
        decode: decodeRendezvousMessage,
      })

    const job: JobSurroundings = {
      job: run,
      seed,
      settings,
      store,
      takenOver,
      pool,
      isSpread,
      strategy,
      rendezvous,
      publish,
      announce,
      reports,
      checkDeterminism,
      ...(shared.drawSecret && { drawSecret: shared.drawSecret }),
    }
    const hosts = new Map(tasks.map((task) => [task.end, context.spawn(task.end, roleHost(task, job), hosting)]))
    /** Ends whose tasks are stopping, with those who wait. */
    const stopping: { readonly ends: Set<string>; readonly stopped: () => void }[] = []
    return (message) => {
      if (message.type === 'task-stopped') hosts.delete(message.end)
      else {
        const { ends, stopped } = message
        stopping.push({ ends: new Set(ends), stopped })
        for (const end of ends) {
          const ref = hosts.get(end)
          if (!ref) continue
          // Not earlier, since a job may have many thousands of tasks that stop by themselves, or with the job.
          context.watch(ref, () => ({ type: 'task-stopped', end }))
          context.stop(ref)
        }
      }
      for (const waiting of [...stopping]) {
        for (const end of waiting.ends) if (!hosts.has(end)) waiting.ends.delete(end)
        if (waiting.ends.size > 0) continue
        stopping.splice(stopping.indexOf(waiting), 1)
        waiting.stopped()
      }
    }
  }
}
