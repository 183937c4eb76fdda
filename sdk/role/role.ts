import type { RoleLearner } from '../learn/role-learner.ts'
import type { RandomStream } from '../random/random-stream.ts'
import type { CountedWork, Lineage } from '../registry/registry.ts'
import type { Algorithm } from '../strategy/algorithm.ts'
import type { RoundSum } from '../strategy/round-sum.ts'
import type { Channel } from './channel/channel.ts'

/** A workload's settings. `--set name=value` overrides a setting and keeps the type of its default. */
export interface Settings {
  readonly rounds: number
  readonly clients: number
  readonly [name: string]: string | number | boolean
}

/** Identifies a role's channel by func tags, and checks the type of received messages. */
export interface ChannelUse<Out, In> {
  readonly tags: readonly string[]
  readonly accepts: (message: unknown) => message is In
  /** Carries only the type of sent messages. */
  readonly sends?: (message: Out) => void
}

/** Makes a channel use: the channel whose func tags for the role include these tags. */
export function channelTagged<Out, In>(
  accepts: (message: unknown) => message is In,
  ...tags: readonly string[]
): ChannelUse<Out, In> {
  return { tags, accepts }
}

/** Opens the one channel that a use describes. ROLE_CHANNEL_MISSING if no channel fits, or more than one. */
export interface OpenChannel {
  <Out, In>(use: ChannelUse<Out, In>): Channel<Out, In>
  /** As above. Undefined if no channel fits. */
  optional<Out, In>(use: ChannelUse<Out, In>): Channel<Out, In> | undefined
}

/**
 * The published record of a committed round. Published before the round is committed, at least once, always with the
 * same content.
 */
export interface RoundRecord {
  readonly round: number
  /** Names the model where a round has several. Default: as the host names the task's models, see `RoleTask.part`. */
  readonly part?: string
  /** The section of the learner's layout that `weights` are, see `Learner.sections`. Absent: the whole layout. */
  readonly section?: number
  readonly weights: Float32Array
  /** For a joint model of several parties, by end: the hash of the part that the end publishes. */
  readonly digests?: Readonly<Record<string, string>>
  /** At the commit, metrics that aren't finite are left out, with a notice for each. */
  readonly metrics: Readonly<Record<string, number>>
  readonly members: readonly string[]
  /** Selected ends that the round doesn't count, sorted. Absent where it counts all of them. */
  readonly notCounted?: readonly NotCounted[]
  /** Members that have lost their own state, as with a site that is gone, and started anew, sorted. Absent: none. */
  readonly anew?: readonly string[]
  /** In an asynchronous round: the counted work in the order of arrival. */
  readonly arrivals?: readonly CountedWork[]
  /** Differential privacy that the job has spent up to this round. Absent where the job spends none. */
  readonly privacy?: Lineage['privacy']
  /** The known cause of metrics that aren't finite, for people to read. */
  readonly whyNotFinite?: string
}

/**
 * A selected end without a part in the round. `refused`: its contribution was refused, or it answered with a fault, of
 * this code. `gone`: it had left. `late`: the quorum or the deadline came first.
 */
export interface NotCounted {
  readonly end: string
  readonly reason: 'refused' | 'gone' | 'late'
  readonly code?: string
}

/** An event of a round that people may want to know. Has no effect on the result. */
export interface Notice {
  readonly code: string
  readonly message: string
}

/** A log line of a role, for the job's followers. Never part of a result. */
export interface LogEntry {
  readonly level: 'info'
  readonly message: string
  readonly fields: LogFields
}

export type LogFields = Readonly<Record<string, string | number | boolean>>

/**
 * State of this end that outlives rounds without a commit, such as a client's control variate. The host keeps two
 * generations, so that repeated work for a round starts from the same state. Plain values and typed arrays, which are
 * not changed in place.
 */
export interface OwnState {
  /**
   * The state from which the work for a round starts: the state after the last kept round if `counted` says that this
   * round was counted, otherwise the state before it. For the kept round itself, the state before it. Undefined at
   * first, and where the state after the counted round was lost.
   *
   * @throws ROLE_ROUND_OVER for a round before the kept one: the aggregator that asked for the kept round has committed
   *   all earlier rounds.
   */
  before(round: number, counted?: number): Promise<unknown>
  /** Keeps the state after a round. Durable when the promise resolves; only then send the answer made with it. */
  keep(round: number, after: unknown): Promise<void>
  /** Whether the round of the last call of `before` starts anew, since the state after the counted round was lost. */
  readonly isAnew: boolean
}

/** The only source of time, randomness, messages and effects of a role. */
export interface RoleContext<Channels = unknown> {
  readonly job: string
  readonly end: string
  readonly role: string
  readonly settings: Settings
  readonly channels: Channels
  readonly strategy: Algorithm
  readonly learner: RoleLearner
  readonly signal: AbortSignal
  /** The random stream of (job seed, round, this end, labels). */
  random(round: number, ...labels: readonly string[]): RandomStream
  /** The random stream of (job seed, round, labels), which is the same at all ends. */
  jobRandom(round: number, ...labels: readonly string[]): RandomStream
  /**
   * The random stream of (this task's secret, round, labels), for noise that nobody may know. The secret is drawn from
   * the system once, lies in the store with the role's state, and is never sent.
   */
  secret(round: number, ...labels: readonly string[]): Promise<RandomStream>
  /**
   * Decides a value that depends on timing once. The value is journalled, and a round that runs again after a crash
   * gets the recorded value. Plain values only. A round may use the same name several times: the order of the calls
   * distinguishes them. A `durable` decision is in the store when the call returns, for values that other ends act on
   * before the round is committed.
   */
  decide<Value>(
    name: string,
    make: () => Value | Promise<Value>,
    isValue: (value: unknown) => value is Value,
    options?: { readonly durable?: boolean },
  ): Promise<Value>
  /**
   * The value that the first `decide` of this name has recorded in an interrupted run of the round. Undefined if there
   * is none: for decisions that a round may not need to make.
   */
  recorded<Value>(name: string, isValue: (value: unknown) => value is Value): Value | undefined
  /**
   * Names this life of the end, from a start to its restart or the end of its process: greater than the names of all
   * earlier lives, and durable. Tells a request that's repeated after a restart from the request before.
   */
  life(): Promise<number>
  readonly own: OwnState
  /** Milliseconds of the system's clock, as a decision. */
  now(): Promise<number>
  sleep(delayMs: number): Promise<void>
  /**
   * Waits for work of the platform, such as the loading of a module or a digest. A virtual clock stands still meanwhile,
   * and a seeded scheduler decides when the role gets the result.
   */
  outside<T>(work: Promise<T>): Promise<T>
  /**
   * Empty sums for the vectors of the algorithm's contributions. Each call resets the sums of the call before, so a
   * round has one.
   */
  roundSum(): RoundSum
  /** Publishes the round's model when the round is committed. */
  publish(record: RoundRecord): void
  /**
   * Adds a number of this round for people to see. The number goes into the round's record if the role publishes one,
   * whose own metric of the same name takes precedence; otherwise the number is reported to the job. The last value of
   * a name counts. ROLE_METRIC if the value isn't finite.
   */
  metric(name: string, value: number): void
  notice(notice: Notice): void
  /** Logs a message. A field that isn't finite becomes a string, such as "NaN". */
  log(message: string, fields?: LogFields): void
}

/**
 * The behaviour of a task: an async function from state to state, run round by round. The state holds plain values and
 * typed arrays, and isn't changed in place. A round that returns the same state object, and makes no decision, writes
 * nothing.
 */
export interface Role<State, Channels> {
  readonly name: string
  /**
   * The role does nothing but wait until a message comes, before each of its rounds, and its state says only whether it
   * has ended. Then an idle end of a job with many thousands costs little: the host opens the role with its first
   * message, and doesn't keep that it has ended. `init`, `resume` and `open` send nothing. Default: false.
   */
  readonly rests?: boolean
  /** Opens the role's channels. Called once. */
  open(channel: OpenChannel): Channels
  init(context: RoleContext<Channels>): State | Promise<State>
  /** Whether a value from a snapshot is a state of this role. */
  isState(value: unknown): value is State
  /**
   * Adapts the state of an earlier start, for example to the number of rounds, which may have grown since a completed
   * job's last start.
   */
  resume?(state: State, context: RoleContext<Channels>): State
  round(state: State, context: RoleContext<Channels>): Promise<State>
  done(state: State): boolean
  /** Runs once the role is done, and again if a done role is resumed. */
  finish?(state: State, context: RoleContext<Channels>): void | Promise<void>
}

/** Runs a role whose types of state and messages the runner doesn't know. */
export interface RoleRunner {
  run<State, Channels>(role: Role<State, Channels>): Promise<unknown>
}

/** A role with its types closed over. */
export interface AnyRole {
  readonly name: string
  /** As `Role.rests`. */
  readonly rests?: boolean
  runOn(runner: RoleRunner): Promise<unknown>
}

/** Checks a role's types and closes over them. */
export function role<State, Channels>(definition: Role<State, Channels>): AnyRole {
  const { name, rests = false } = definition
  return { name, rests, runOn: (runner) => runner.run(definition) }
}
