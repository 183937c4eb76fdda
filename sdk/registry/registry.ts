import type { Layout } from '../weights/layout.ts'

/** Work that an asynchronous round counted: its dispatch, and the version of the weights from which it started. */
export interface CountedWork {
  readonly end: string
  readonly dispatch: number
  readonly version: number
}

/** A model's origin and quality. */
export interface Lineage {
  readonly job: string
  readonly workload: string
  readonly seed: number
  readonly round: number
  /**
   * Names the model where a round has several: the group, or the end, that made it. Absent where a round has one model.
   */
  readonly part?: string
  readonly metrics: Readonly<Record<string, number>>
  /** Trainers whose updates the model contains, sorted. */
  readonly members: readonly string[]
  /**
   * In an asynchronous round: the counted work in the order of arrival. Together with the earlier versions, this
   * determines the weights.
   */
  readonly arrivals?: readonly CountedWork[]
  /** SHA-256 of the weights' little-endian bytes. */
  readonly hash: string
}

export interface ModelToCommit extends Lineage {
  readonly weights: Float32Array
  readonly layout: Layout
  /** The architecture as TensorFlow.js JSON, if there is one. */
  readonly modelTopology?: unknown
}

export interface CommittedModel extends Lineage {
  /** The model's location, for people. */
  readonly location: string
}

/** Keeps the model of each committed round, with its lineage. */
export interface ModelRegistry {
  /**
   * Makes a round's model durable, whole or not at all. A round with the same hash stays as it is; a round with another
   * hash is replaced.
   */
  commit(model: ModelToCommit): Promise<void>
  /** The model of the job's last round, or of the last round of one part, if any. */
  latest(job: string, part?: string): Promise<CommittedModel | undefined>
  /** The rounds of a job, or of one part of it, in order. */
  list(job: string, part?: string): Promise<readonly number[]>
  /** The parts of a job that have their own models, sorted. Empty where each round has one model. */
  parts(job: string): Promise<readonly string[]>
  /**
   * Loads a round. REGISTRY_UNKNOWN if the round doesn't exist; REGISTRY_DAMAGED if the weights don't match their hash.
   */
  load(job: string, round: number, part?: string): Promise<CommittedModel & { readonly weights: Float32Array }>
  /** The round without its weights. REGISTRY_UNKNOWN if the round doesn't exist. */
  describe(job: string, round: number, part?: string): Promise<CommittedModel>
  /** Removes a whole round. Does nothing if the round doesn't exist. */
  remove(job: string, round: number, part?: string): Promise<void>
}

/** Whether an untrusted value has every field of a lineage. */
export function isLineage(value: unknown): value is Lineage {
  return (
    typeof value === 'object' &&
    value !== null &&
    has(value, 'job', 'string') &&
    has(value, 'workload', 'string') &&
    has(value, 'seed', 'number') &&
    has(value, 'round', 'number') &&
    has(value, 'hash', 'string') &&
    has(value, 'metrics', 'object') &&
    (!('part' in value) || has(value, 'part', 'string')) &&
    'members' in value &&
    Array.isArray(value.members)
  )
}

function has(value: object, field: string, type: string): boolean {
  const found: unknown = new Map<string, unknown>(Object.entries(value)).get(field)
  return typeof found === type && found !== null
}

/** The rounds of a job whose models are kept. */
export interface KeptRounds {
  /** Number of last rounds to keep, 1 or more. */
  readonly last: number
  /**
   * Whether to keep the best round, too: that of the highest accuracy or, without accuracy, of the lowest loss; the
   * earliest of equal ones.
   */
  readonly best: boolean
}

/**
 * A registry that keeps the models of some rounds only. The others are removed before `commit` resolves, and so before
 * the round is committed: whenever the process is killed, a resumed run leaves the same rounds. A resumed run needs no
 * models, since its state is in the store.
 */
export function keepingRounds(registry: ModelRegistry, { last, best }: KeptRounds): ModelRegistry {
  return {
    ...registry,
    async commit(model) {
      await registry.commit(model)
      const { job, part } = model
      const rounds = await registry.list(job, part)
      const kept = new Set(rounds.slice(-last))
      if (best) kept.add(bestOf(await Promise.all(rounds.map((round) => registry.describe(job, round, part)))))
      for (const round of rounds) if (!kept.has(round)) await registry.remove(job, round, part)
    },
  }
}

function bestOf(models: readonly CommittedModel[]): number {
  const quality = ({ metrics: { accuracy, loss } }: CommittedModel) =>
    accuracy ?? (loss === undefined ? Number.NEGATIVE_INFINITY : -loss)
  const [first, ...others] = models
  if (!first) return 0
  return others.reduce((found, model) => (quality(model) > quality(found) ? model : found), first).round
}
