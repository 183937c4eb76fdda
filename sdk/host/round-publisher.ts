import type { ActorContext } from '../../runtime/index.ts'
import { publishedWeights } from '../learn/adapters.ts'
import type { Arithmetic, Lineage, ModelRegistry } from '../registry/registry.ts'
import type { NotCounted, RoundRecord } from '../role/role.ts'
import type { Algorithm, Quantum } from '../strategy/algorithm.ts'
import type { TrainingPool } from '../training/training-pool.ts'
import { weightsHash } from '../weights/layout.ts'

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

/** The facts of a job's models, and where their rounds go. */
export interface PublishedRounds {
  /** Identifies the models in the registry. */
  readonly run: string
  /** The workload's name, for the models' lineage. */
  readonly workload: string
  readonly seed: number
  readonly strategy: Algorithm
  readonly pool: TrainingPool
  readonly registry: Pick<ModelRegistry, 'commit'>
  /** The part of each model's lineage about the algorithm. Default: none. */
  readonly algorithm?: Lineage['algorithm']
  /**
   * Resolves when the job's followers know of the committed round. The model's next round is published only after that.
   * Never rejects.
   */
  readonly onRound: (round: RoundSummary) => Promise<void>
}

/** Publishes the models of a job's rounds, and announces the rounds. */
export interface RoundPublisher {
  /** Publishes a model before its round is committed, so that no committed round lacks a model after a crash. */
  publish(record: RoundRecord): Promise<void>
  /** Reports the committed round to the followers. The next round runs meanwhile. */
  announce(record: RoundRecord): Promise<void>
}

/** Seconds of rounds are by the actor's clock. */
export function roundPublisher(
  { run, workload, seed, strategy, pool, registry, algorithm, onRound }: PublishedRounds,
  actor: Pick<ActorContext<never>, 'clock' | 'hasEnded' | 'signal' | 'outside'>,
): RoundPublisher {
  const began = actor.clock.now()
  const parts = new Map<string | undefined, Part>()
  const partOf = (name: string | undefined): Part => {
    const part = parts.get(name) ?? { hashes: new Map(), began, isKnown: Promise.resolve() }
    parts.set(name, part)
    return part
  }

  return {
    async publish(record: RoundRecord): Promise<void> {
      const { round, part, section, digests, metrics, members, arrivals, privacy } = record
      const { hashes, isKnown } = partOf(part)
      await isKnown
      if (actor.hasEnded) actor.signal.throwIfAborted()
      const { modelTopology, ...parts } = (section === undefined ? pool : pool.sections?.[section]) ?? pool
      const { layout, weights } = publishedWeights(parts, record.weights)
      const hash = await actor.outside(weightsHash(weights))
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
        arithmetic: arithmeticOf(strategy, pool),
        ...(privacy && { privacy }),
        ...(digests && { digests }),
        hash,
        seed,
        workload,
        ...(modelTopology === undefined ? {} : { modelTopology }),
      })
      hashes.set(round, hash)
    },

    async announce({ round, part: name, metrics, members, notCounted, anew }: RoundRecord): Promise<void> {
      const part = partOf(name)
      const now = actor.clock.now()
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
    },
  }
}

function arithmeticOf({ aggregation, vertical }: Algorithm, { runsOn, jobProducts }: TrainingPool): Arithmetic {
  // A vertical job sums no updates.
  const vectors: Readonly<Record<string, Quantum>> = vertical ? {} : aggregation.vectors
  const bits = Object.entries(vectors).map(([name, { quantumBits }]) => [name, quantumBits] as const)
  return {
    quantumBits: Object.fromEntries(bits),
    ...(runsOn !== undefined && { engine: runsOn }),
    ...(jobProducts && { products: jobProducts.products }),
  }
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
