import type { Choices, CommonSettings, KeptRounds, LogEntry, Notice, RoundSummary, Settings } from '../../sdk/index.ts'
import type { AggregatorFigures, Saturation } from './aggregators/aggregator-load.ts'
import type { AggregatorCapacities } from './aggregators/capacity.ts'
import type { FleetBehaviour } from './behaviour.ts'

export interface SimulateOptions<S extends Settings = Settings> {
  /** Number of devices: each has the data of the client of its number, unless the behaviour says otherwise. */
  readonly devices: number
  /** Settings that override the workload's. */
  readonly settings?: Partial<S> & CommonSettings
  /** Default: 1. */
  readonly seed?: number
  /** Choices that replace the workload's algorithm and parts of it. */
  readonly algorithms?: Omit<Choices, 'hyperparameters'>
  /** Default: always available, without any delay. */
  readonly behaviour?: FleetBehaviour
  /** How much the aggregators can do. Default: without limits, and messages between aggregators take no time. */
  readonly aggregators?: AggregatorCapacities
  /** Virtual hours after which the run ends, if it has not ended before. Default: none. */
  readonly hours?: number
  /** As for `runJob`. Results don't depend on the number. */
  readonly workers?: number
  /** Folder for state and models. A program that was killed goes on from there. Default: memory. */
  readonly store?: string
  /** With a store: number of rounds between checkpoints. Default: as few as take one part in 25 of the time. */
  readonly checkpointEvery?: number
  /** Rounds whose models are kept. Default: all. */
  readonly keep?: KeptRounds
  /** Number of works that are done ahead of virtual time. Default: 16. Results don't depend on the number. */
  readonly ahead?: number
  /** Called with each committed round. The next round isn't committed before the promise resolves. An error fails the run. */
  readonly onRound?: (round: FleetRound) => void | Promise<void>
  /** Called with each notice, such as of a refused update. */
  readonly onNotice?: (end: string, notice: Notice) => void
  readonly onLog?: (end: string, entry: LogEntry) => void
}

/** A committed round of a fleet. Its seconds are virtual ones. */
export interface FleetRound extends RoundSummary {
  /** Virtual milliseconds from the start of the run to the commit. */
  readonly at: number
  /** Works that devices were asked for since the last round. */
  readonly asked: number
  /** Answers that were counted since the last round. */
  readonly counted: number
  /** Works that were lost since the last round: the device went away, or its network did. */
  readonly lost: number
  /** Answers that came since the last round and weren't counted: too late, or too stale. */
  readonly wasted: number
  /** Bytes of models and updates that devices received and sent since the last round. */
  readonly received: number
  readonly sent: number
  /** Of the counted updates: how many came from each quarter of the devices by speed, the slowest first. Absent without ranks. */
  readonly quarters?: readonly number[]
  /** Mean and most steps between an update's weights and the step that counts the update. Absent for synchronous rounds. */
  readonly staleness?: { readonly mean: number; readonly most: number }
}

export interface FleetResult {
  readonly state: 'completed' | 'failed' | 'stopped'
  readonly cause?: unknown
  readonly history: readonly FleetRound[]
  /** The work of each aggregator, in the order of their ends. Only where `aggregators` gives their capacities. */
  readonly aggregators?: readonly AggregatorFigures[]
  /** The resource of an aggregator that the fleet would use up first if its load grew. */
  readonly saturatesFirst?: Saturation
}

/** A running simulation. Iteration yields each round, and throws the cause if the run fails. */
export interface FleetRun extends AsyncIterable<FleetRound> {
  /** Name of the workload. */
  readonly name: string
  readonly settings: Settings
  readonly result: Promise<FleetResult>
  /** Virtual milliseconds since the start. */
  readonly now: number
  stop(): Promise<void>
}
