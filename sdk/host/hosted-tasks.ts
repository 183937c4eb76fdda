import type { ActorRef, Behavior, DurableStore } from '../../runtime/index.ts'
import type { Arithmetic, Lineage, ModelRegistry } from '../registry/registry.ts'
import { decodeRoleMessage } from '../role/channel/wiring.ts'
import type { NotCounted, Notice, RoundRecord, Settings } from '../role/role.ts'
import type { Algorithm, Quantum } from '../strategy/algorithm.ts'
import type { TrainingPool } from '../training/training-pool.ts'
import { type Layout, weightsHash } from '../weights/layout.ts'
import { storedAdoptions } from './adoptions.ts'
import { decodeRendezvousMessage, type RendezvousMessage, rendezvous as rendezvousOfJob } from './rendezvous.ts'
import { roleHost } from './role-host.ts'
import type { JobSurroundings, RoleTask, TaskReport } from './role-task.ts'

/** The tasks of one host, and their shared parts. The clock is that of the host's actor system. */
export interface HostedTasks {
  /** Identifies the tasks' state in the store, and their models in the registry. */
  readonly run: string
  /** The workload's name, for the models' lineage. */
  readonly workload: string
  readonly seed: number
  readonly settings: Settings
  readonly strategy: Algorithm
  readonly pool: TrainingPool
  /** All tasks of the job, or those that this host runs. */
  readonly tasks: readonly RoleTask[]
  readonly store: DurableStore
  readonly registry: Pick<ModelRegistry, 'commit'>
  /** The part of each model's lineage about the algorithm. Default: none. */
  readonly algorithm?: Lineage['algorithm']
  /** The rendezvous of the job, if other hosts run tasks of the job. Default: an actor of this host. */
  readonly rendezvous?: ActorRef<RendezvousMessage>
  /** Some tasks of the job run on other nodes. Default false. */
  readonly isSpread?: boolean
  /** Receives the tasks' reports. A tally of all tasks decides from them whether the job has ended. */
  readonly reports: ActorRef<TaskReport>
  /**
   * Resolves when the job's followers know of the committed round. The model's next round is published only after that.
   * Never rejects.
   */
  readonly onRound: (round: RoundSummary) => Promise<void>
  /** As `JobSurroundings.drawSecret`. */
  readonly drawSecret?: () => Uint8Array
  /** Run each round twice and compare both runs. */
  readonly checkDeterminism: boolean
  /** Another process may still be running the same tasks. */
  readonly takenOver: boolean
}

/** A committed round. */
export interface RoundSummary {
  readonly round: number
  /** Names the model where a round has several models: a group, or an end. Absent where a round has one model. */
  readonly part?: string
  readonly metrics: Readonly<Record<string, number>>
  /** SHA-256 of the weights' little-endian bytes, in hexadecimal. */
  readonly hash: string
  /** Ends whose updates the round counts, sorted. */
  readonly members: readonly string[]
  /** Selected ends that the round doesn't count, with the reasons. Absent where it counts all of them. */
  readonly notCounted?: readonly NotCounted[]
  /** Members that have lost their own state, and started anew, sorted. Absent where none has. */
  readonly anew?: readonly string[]
  /** Seconds since the last committed round of this model, or since the job started. */
  readonly seconds: number
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
    const began = context.clock.now()
    const parts = new Map<string | undefined, Part>()
    const partOf = (name: string | undefined): Part => {
      const part = parts.get(name) ?? { hashes: new Map(), began, isKnown: Promise.resolve() }
      parts.set(name, part)
      return part
    }
    const notice = (end: string, given: Notice) => reports.tell({ type: 'notice', end, notice: given })
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

    /** Publishes a model before its round is committed, so that no committed round lacks a model after a crash. */
    async function publish(record: RoundRecord): Promise<void> {
      const { round, part, section, weights, digests, metrics, members, arrivals, privacy } = record
      const { hashes, isKnown } = partOf(part)
      await isKnown
      context.signal.throwIfAborted()
      const hash = await context.outside(weightsHash(weights))
      const { layout, modelTopology } = (section === undefined ? pool : pool.sections?.[section]) ?? pool
      await registry.commit({
        job: run,
        round,
        ...(part !== undefined && { part }),
        weights,
        layout,
        metrics,
        members,
        ...(arrivals && { arrivals }),
        ...(algorithm && { algorithm }),
        arithmetic: arithmeticOf(strategy, pool.runsOn),
        ...(privacy && { privacy }),
        ...(digests && { digests }),
        hash,
        seed,
        workload,
        ...(modelTopology === undefined ? {} : { modelTopology }),
      })
      hashes.set(round, hash)
    }

    /** Reports the round to the followers. The next round runs meanwhile. */
    async function announce({ round, part: name, metrics, members, notCounted, anew }: RoundRecord): Promise<void> {
      const part = partOf(name)
      const now = context.clock.now()
      const seconds = (now - part.began) / 1000
      const hash = part.hashes.get(round) ?? ''
      part.hashes.delete(round)
      part.began = now
      const named = { round, ...(name !== undefined && { part: name }) }
      part.isKnown = onRound({
        ...named,
        metrics,
        members,
        ...(notCounted && { notCounted }),
        ...(anew && { anew }),
        hash,
        seconds,
      })
    }
  }
}

function arithmeticOf({ aggregation, vertical }: Algorithm, engine: string | undefined): Arithmetic {
  // A vertical job sums no updates.
  const vectors: Readonly<Record<string, Quantum>> = vertical ? {} : aggregation.vectors
  const bits = Object.entries(vectors).map(([name, { quantumBits }]) => [name, quantumBits] as const)
  return { quantumBits: Object.fromEntries(bits), ...(engine !== undefined && { engine }) }
}

/** The rounds of one model. */
interface Part {
  /** Hashes of published models that aren't announced yet, by round. */
  readonly hashes: Map<number, string>
  /** Time when the round in progress began. */
  began: number
  /** Resolves when the job's followers know of the last committed round. */
  isKnown: Promise<void>
}
