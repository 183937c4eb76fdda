import type { Ability } from '../learn/learner.ts'
import type { RoleLearner } from '../learn/role-learner.ts'
import type { RandomStream } from '../random/random-stream.ts'
import type { SentVector } from '../sum/accumulator.ts'
import type { Levels } from '../sum/packed-vector.ts'
import type { Layout } from '../weights/layout.ts'
import type { KnownNumbers, Population } from './population.ts'

/**
 * A federated algorithm, in parts. The stock roles call the parts and know no algorithm by name.
 *
 * `Server` is the state that the server keeps between rounds, `Client` the state that each client keeps.
 */
export interface Algorithm<Server = unknown, Client = unknown> {
  readonly name: string
  readonly select: Selector
  readonly server: ServerPart<Server>
  readonly client: ClientPart<Client>
  readonly aggregation: Aggregation
  readonly waiting: Waiting
  /**
   * After each such number of rounds, all clients evaluate the new weights on their held-out examples. Absent: never.
   */
  readonly clientEvaluation?: number
  /** The stages that are applied, in this order: see `staged`. */
  readonly stages: readonly Stage[]
  /** Present if a part draws from the secret streams that `train` and `step` are then given. */
  readonly secret?: true
  /** Present for a vertical topology. Its roles use these settings, and of the other parts the needs alone. */
  readonly vertical?: VerticalSettings
}

/** Settings of the joint training of a vertical topology. */
export interface VerticalSettings {
  /** How the common entities are found. */
  readonly alignment: 'psi' | 'hashed'
  /** The values of a party that left, or is late for a batch. */
  readonly absent: 'fail' | 'zeros' | 'last'
  /** Milliseconds that the label holder waits for the values of a batch. Absent: no deadline. */
  readonly deadlineMs?: number
  /** Fraction, in [0, 1), of the common entities for evaluation alone. */
  readonly heldOut: number
}

/**
 * Selects the ends that take part in a round. `Memory` holds plain values, and is part of the snapshot. Numbers of single
 * ends lie in columns of the population, so that a fleet can keep them in arrays.
 */
export interface Selector<Memory = unknown> {
  /**
   * The names of free ends of a population, sorted. Depends only on the arguments: of the population on the rows that are
   * free, and on the columns. `memory` is absent before the first round, and for a selector that keeps none. `told`: the
   * candidates' answers, sorted by end. Absent where the selector has no candidates, and where the number of ends is tried
   * before a job begins.
   */
  select(population: Population, random: RandomStream, memory?: Memory, told?: readonly Answer[]): readonly string[]
  /** The ends that are asked before the selection: names of free ends, sorted. Absent: nobody is asked. */
  candidates?(population: Population, random: RandomStream, memory?: Memory): readonly string[]
  /**
   * One end that `select` may select, for an asynchronous algorithm, which asks one end after the other. Undefined if none
   * is free. Absent: an end is drawn from a whole selection.
   */
  one?(population: Population, random: RandomStream): string | undefined
  /** Names of the columns with the numbers that the selector remembers of ends. Absent: it remembers none. */
  readonly columns?: readonly string[]
  /**
   * What the selector learns from a round. The population has every end that the selector knows, or has selected, whether
   * it is there or not. Absent: the selector learns nothing.
   */
  remember?(memory: Memory | undefined, round: FinishedRound, population: Population): Remembered<Memory>
}

/** What a selector keeps after a round. */
export interface Remembered<Memory> {
  /** Takes the place of the memory before. Absent: the selector keeps none. */
  readonly memory?: Memory
  /** By column and end: numbers that take the place of those that were known of the same ends. Absent: none. */
  readonly known?: KnownNumbers
}

/** What an aggregator that hears each client knows of a round. */
export interface FinishedRound {
  readonly round: number
  readonly selected: readonly string[]
  /**
   * By counted end, sorted. Empty where aggregators in between sum the contributions, which only selectors with
   * candidates meet.
   */
  readonly reports: Readonly<Record<string, EndReport>>
  /** The candidates' answers. */
  readonly told?: readonly Answer[]
}

export interface EndReport {
  readonly samples: number
  readonly metrics: Readonly<Record<string, number>>
  /** From the distribution to the answer, by the aggregator's clock. */
  readonly seconds: number
}

/** Moves the weights. `State` holds plain values and typed arrays, and is part of the snapshot with the weights. */
export interface ServerPart<State> {
  init(layout: Layout): State
  /**
   * Takes the answers of the selected clients before a round's training, sorted by end, and changes the state in place.
   * Present where clients answer.
   */
  hear?(state: State, answers: readonly Answer[]): void
  /** The values for all selected clients besides the weights. Absent: none. */
  assign?(state: State, round: number): Terms
  /**
   * Trains on the server's own root set, from the round's weights, while the clients train. The delta is the aggregate's
   * `root`. Present where the server has a training of its own.
   */
  train?(assignment: ClientAssignment, learner: Pick<RoleLearner, 'trainRoot'>): Promise<Float32Array>
  /** Changes the state in place after the step, by what each counted client reported. */
  remember?(state: State, round: FinishedRound): void
  /**
   * Changes `weights` and `state` in place: float32 arrays, float64 numbers, in a fixed order. Depends only on the
   * arguments; `random` is the stream of (job seed, round, aggregator, 'step').
   */
  step(
    weights: Float32Array,
    aggregate: Aggregate,
    state: State,
    random: RandomStream,
    /** The secret stream of (round, 'noise'), if the algorithm asks for `secret`. */
    secret?: RandomStream,
  ): void
  /** The privacy that the rounds so far have spent. `population`: number of all clients of the job. */
  spent?(state: State, population: number): PrivacySpent
  /** The reason for which no further round may run, if there is one: its privacy would exceed the budget. */
  exhausted?(state: State, population: number): string | undefined
}

/** A client's answer before a selection, or before a round's training. */
export interface Answer {
  readonly end: string
  /** Number of the client's examples. */
  readonly samples: number
  readonly numbers: Readonly<Record<string, number>>
}

/** Named values that the server sends to the clients. */
export interface Terms {
  /** Each has the model's size. */
  readonly vectors?: Readonly<Record<string, Float32Array>>
  readonly scalars?: Readonly<Record<string, number>>
}

/** The server's request to a client. */
export interface ClientAssignment {
  /** The client's end: terms may be for one end. */
  readonly end: string
  readonly round: number
  /** Don't change these while the client trains. */
  readonly weights: Float32Array
  readonly terms: Terms
  /** Milliseconds of the clock, as a decision. Absent outside of a role. */
  readonly now?: () => Promise<number>
}

/**
 * A demand of an algorithm on the learner. `plain-sgd`: steps w −= η·g and nothing else. `sgd`: SGD at a fixed rate,
 * perhaps with momentum, weight decay or clipping. `own-steps`: the learner states its settings of steps. `stepwise`:
 * steps that move each weight by its own gradient alone. `parties`: a section of the model for each client. `root`: the
 * data have a root set. `no-batch-norm`: no shared layer of the model normalizes over a batch. Other needs are abilities.
 */
export type LearnerNeed =
  | 'plain-sgd'
  | 'sgd'
  | 'own-steps'
  | 'fixed-rate'
  | 'stepwise'
  | 'parties'
  | 'root'
  | 'no-batch-norm'
  | Ability

/** Trains. `State` holds plain values and typed arrays, and outlives the round and the process. */
export interface ClientPart<State> {
  /** Absent: any learner will do. */
  readonly needs?: readonly LearnerNeed[]
  /**
   * Present if `train` is the learner's own training without terms, and a client weighs so. Ends that each have a part
   * of the model can then train in its place.
   */
  readonly plain?: 'samples' | 'equal'
  /** The state before the first round that counts the client. Absent: the client keeps no state between rounds. */
  init?(layout: Layout): State
  /**
   * Answers with numbers that the server hears before a round's training. The terms are empty. Absent: a round begins with
   * the training.
   */
  answer?(assignment: ClientAssignment, learner: RoleLearner): Promise<Omit<Answer, 'end'>>
  /** Answers with numbers that the selector hears before a selection. Present where a selector has candidates. */
  tell?(assignment: ClientAssignment, learner: RoleLearner): Promise<Omit<Answer, 'end'>>
  /**
   * The client's own model, which it evaluates on its held-out examples in place of the round's weights. Absent: it
   * evaluates these.
   */
  personal?(weights: Float32Array, own: State, layout: Layout): Float32Array
  /** Trains for one round. Gives the same bits for the same arguments; changes neither the assignment nor `own`. */
  train(
    assignment: ClientAssignment,
    own: State,
    learner: RoleLearner,
    random: RandomStream,
    /** The secret stream of (round, 'noise'), if the algorithm asks for `secret`. */
    secret?: RandomStream,
  ): Promise<{ readonly contribution: Contribution; readonly own: State }>
}

/** A client's answer to the server. */
export interface Contribution {
  readonly vectors: { readonly delta: SentVector } & Readonly<Record<string, SentVector>>
  readonly scalars?: Readonly<Record<string, number>>
  /** The factor of each vector in the sums: a multiple of 2^−weightBits above 0. */
  readonly weight: number
  /** Number of examples trained on: the weight of the metrics in their means. */
  readonly samples: number
  /** Number of local steps. */
  readonly steps?: number
  readonly metrics: Readonly<Record<string, number>>
}

/**
 * Products weight·value are rounded once to multiples of 2^−quantumBits, or to multiples of 2^(20−quantumBits) if they
 * are beyond the range.
 */
export interface Quantum {
  readonly quantumBits: number
}

/** How contributions are aggregated. */
export interface Aggregation {
  /** `sum`: the server sees sums, which merge through any tree. `each`: the server sees every contribution. */
  readonly needs: 'sum' | 'each'
  /** Weights are multiples of 2^−weightBits. Default 0: whole numbers. */
  readonly weightBits?: number
  /** Present if contributions have scalars. */
  readonly scalars?: true
  /** Present if a delta is relative to 0, and so has the client's weights themselves: no stage over deltas fits. */
  readonly wholeWeights?: true
  /**
   * Chooses the tensors that travel and are summed, one boolean for each tensor of the layout. The vectors of
   * contributions, sums and aggregates have the values of these tensors alone, and so have the weights on their way to
   * the clients. The others are personal: they stay at each client, and the server's keep their initial values. Absent:
   * all tensors.
   */
  shared?(layout: Layout): readonly boolean[]
  /** The named vectors of a contribution, each with the quantum of its sum. */
  readonly vectors: { readonly delta: Quantum } & Readonly<Record<string, Quantum>>
}

/** A round's contributions, as the server's step sees them. Depends only on the set of contributions. */
export interface Aggregate {
  readonly round: number
  /** The counted ends, sorted. */
  readonly members: readonly string[]
  /** Number of all clients of the job, selected or not. */
  readonly population: number
  /** Σ weight. */
  readonly weight: number
  /** Number of the contributions. Greater than that of the members where a buffer counts an end more than once. */
  readonly updates: number
  /** Σ weight·v / Σ weight of a named vector, as float32. Default: `delta`. */
  mean(vector?: string): Float32Array
  /** Σ weight·v of a named vector, each value rounded to float32. Default: `delta`. */
  sum(vector?: string): Float32Array
  /** Σ of each named scalar, exact and rounded once. */
  readonly scalars: Readonly<Record<string, number>>
  /** The delta of the server's own training. Absent where the server has none. */
  readonly root?: Float32Array | undefined
  /** Sorted by end. Empty unless the aggregation needs `each`. */
  readonly each: readonly EachContribution[]
}

/** One member's contribution, with its vectors as arrays. */
export interface EachContribution extends Omit<Contribution, 'vectors'> {
  readonly end: string
  readonly vectors: { readonly delta: Float32Array } & Readonly<Record<string, Float32Array>>
}

/** When the server steps. */
export type Waiting =
  | {
      readonly kind: 'quorum'
      /**
       * The round stops waiting when this fraction, in (0, 1], of the selected ends is counted. 1: wait for all that
       * can answer.
       */
      readonly quorum: number
      /** Number of counted ends at which the round stops waiting, in place of the fraction. Absent: the fraction. */
      readonly closesAt?: number
      /** The round stops waiting this many milliseconds after the distribution. Absent: no deadline. */
      readonly deadlineMs?: number
      /** Fewest counted ends for the round to be committed. With fewer the round fails. */
      readonly minimumUpdates: number
    }
  | {
      /**
       * Asynchronous: contributions are counted in the order of arrival, and the server steps when `size` are in the
       * buffer.
       */
      readonly kind: 'buffer'
      /** K: number of contributions in a step. */
      readonly size: number
      /** K of the aggregators below the top, each of which sends the sum of its buffer. Absent: `size`. */
      readonly sizeBelow?: number
      /** C: number of ends that work at a time. */
      readonly concurrency: number
      /** Contributions with a greater staleness, in steps since their weights, are dropped. Absent: no limit. */
      readonly mostStale?: number
      /**
       * A trainer that hasn't answered this many milliseconds after its dispatch is given up, and replaced. Absent: an
       * aggregator waits for every trainer that hasn't left.
       */
      readonly deadlineMs?: number
      /**
       * Factor of a contribution's weight by its staleness, and of the sum of a buffer from below, at most 1. The product is
       * then rounded to the grid of weights.
       */
      weigh(staleness: number): number
      /** As `weigh`, at the aggregators below the top. Absent: `weigh`. */
      weighBelow?(staleness: number): number
    }

/** Number of counted ends at which a round of so many selected ends stops waiting. */
export function awaitedOf({ quorum, closesAt }: Extract<Waiting, { kind: 'quorum' }>, selected: number): number {
  // A product such as 0.55 · 100 may lie a little above the intended whole number.
  return Math.min(selected, closesAt ?? Math.ceil(quorum * selected - 1e-9))
}

/**
 * A step between client and sum, or between sum and server, such as clipping, compression, noise. `Own` is the state that
 * each client keeps for the stage, `State` the server's.
 */
export interface Stage<Own = unknown, State = unknown> {
  readonly name: string
  /** Present if the stage draws from a secret stream. */
  readonly secret?: true
  /** Present if the stage leaves deltas that take fewer bytes: the contribution then travels packed. */
  readonly compresses?: true
  readonly client?: ClientStage<Own>
  readonly server?: ServerStage<State>
}

/** A contribution whose vectors are arrays of this thread. */
export type WholeContribution = Omit<EachContribution, 'end'>

/** Changes a contribution before it leaves the client. */
export interface ClientStage<Own> {
  /** The state before the first round that counts the client. Absent: the stage keeps no state at the client. */
  init?(layout: Layout): Own
  /** Gives the same bits for the same arguments; changes none of them. */
  apply(
    contribution: WholeContribution,
    own: Own,
    given: {
      readonly terms: Terms
      readonly random: RandomStream
      readonly secret: RandomStream | undefined
      /** Of the delta: its tensors are those that travel. */
      readonly layout: Layout
    },
  ): {
    readonly contribution: WholeContribution
    readonly own: Own
    /** The delta in levels, if it is in levels: it then travels so. */
    readonly levels?: Levels
  }
}

/** Changes the aggregate before the server's step. */
export interface ServerStage<State> {
  init?(layout: Layout): State
  /** Values that the client's part of the stage needs. */
  assign?(state: State, round: number): Terms
  /** As `ServerPart.remember`. */
  remember?(state: State, round: FinishedRound): void
  /** Changes `state` in place, and returns the aggregate that the step sees. */
  apply?(aggregate: Aggregate, state: State, secret: RandomStream | undefined): Aggregate
  /** As `ServerPart.spent`. */
  spent?(state: State, population: number): PrivacySpent
  /** As `ServerPart.exhausted`. */
  exhausted?(state: State, population: number): string | undefined
}

/** Differential privacy, for neighbours that differ by one client. */
export interface PrivacySpent {
  /** Infinite without noise. */
  readonly epsilon: number
  readonly delta: number
}
