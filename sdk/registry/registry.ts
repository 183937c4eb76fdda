import type { Layout } from '../weights/layout.ts'

/** Work that an asynchronous round counted: its number, and the version of the weights that it started from. */
export interface CountedWork {
  readonly end: string
  readonly dispatch: number
  readonly version: number
}

/** Where a model came from, and how good it is. */
export interface Lineage {
  readonly job: string
  readonly workload: string
  readonly seed: number
  readonly round: number
  /** Which of several models of the round: the group, or the end, that made it. Absent where a round has one model. */
  readonly part?: string
  readonly metrics: Readonly<Record<string, number>>
  /** Trainers whose updates are in it, sorted. */
  readonly members: readonly string[]
  /** Of an asynchronous round: the counted work in the order of arrival. With the versions before, it determines the weights. */
  readonly arrivals?: readonly CountedWork[]
  /** SHA-256 of the weights' little-endian bytes. */
  readonly hash: string
}

export interface ModelToCommit extends Lineage {
  readonly weights: Float32Array
  readonly layout: Layout
  /** The architecture as TensorFlow.js JSON, where there is one. */
  readonly modelTopology?: unknown
}

export interface CommittedModel extends Lineage {
  /** Where a person finds it. */
  readonly location: string
}

/** Keeps the model of each committed round, with its lineage. */
export interface ModelRegistry {
  /**
   * Makes a round's model durable, whole or not at all. The same round with the same hash again changes nothing; with
   * another hash it replaces.
   */
  commit(model: ModelToCommit): Promise<void>
  /** The model of the job's last round, or of the last round of one part, if any. */
  latest(job: string, part?: string): Promise<CommittedModel | undefined>
  /** The rounds of a job, or of one part of it, in order. */
  list(job: string, part?: string): Promise<readonly number[]>
  /** The parts of a job that have models of their own, sorted; none where each round has one model. */
  parts(job: string): Promise<readonly string[]>
  /** REGISTRY_UNKNOWN if there is no such round; REGISTRY_DAMAGED if it doesn't agree with its hash. */
  load(job: string, round: number, part?: string): Promise<CommittedModel & { readonly weights: Float32Array }>
  /** The round without its weights; REGISTRY_UNKNOWN if there is no such round. */
  describe(job: string, round: number, part?: string): Promise<CommittedModel>
  /** Removes a round, whole; nothing happens if there is none. */
  remove(job: string, round: number, part?: string): Promise<void>
}

/** Whether something read from outside has every field of a lineage. */
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

/** Which of a job's rounds keep their models. */
export interface KeptRounds {
  /** So many of the last ones; one at least. */
  readonly last: number
  /** The best one, too: that of the highest accuracy or, where there is none, of the lowest loss; the earliest of equals. */
  readonly best: boolean
}

/**
 * A registry that keeps the models of some rounds alone. The others go before a commit resolves, and so before its round is
 * committed: whenever the process is killed, a resumed run leaves the same rounds. What it goes on from is in the store.
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
