import type { RoleLearner } from '../learn/role-learner.ts'
import type { RandomStream } from '../random/random-stream.ts'
import type { CountedWork } from '../registry/registry.ts'
import type { Algorithm } from '../strategy/algorithm.ts'
import type { RoundSum } from '../strategy/round-sum.ts'
import type { Channel } from './channel/channel.ts'

/** A workload's settings: each can be overridden by `--set name=value`, keeping its default's type. */
export interface Settings {
  readonly rounds: number
  readonly clients: number
  readonly [name: string]: string | number | boolean
}

/** The channel of a role whose func tags (for this role) include these, and how its messages are told from foreign ones. */
export interface ChannelUse<Out, In> {
  readonly tags: readonly string[]
  readonly accepts: (message: unknown) => message is In
  /** Only in types: what is sent. */
  readonly sends?: (message: Out) => void
}

/** Names the channel that a role uses for something, by func tags. */
export function channelTagged<Out, In>(
  accepts: (message: unknown) => message is In,
  ...tags: readonly string[]
): ChannelUse<Out, In> {
  return { tags, accepts }
}

/** Opens the one channel that a use describes; ROLE_CHANNEL_MISSING if there is none, or more than one. */
export type OpenChannel = <Out, In>(use: ChannelUse<Out, In>) => Channel<Out, In>

/** What a committed round leaves behind for people: published before the round is committed, at least once, with the same content. */
export interface RoundRecord {
  readonly round: number
  /** Which of several models of the round: see `RoleTask.part`. The host states it. */
  readonly part?: string
  readonly weights: Float32Array
  /** One that isn't finite is left out when the round is committed, and noticed. */
  readonly metrics: Readonly<Record<string, number>>
  readonly members: readonly string[]
  /** Of an asynchronous round: the counted work in the order of arrival. */
  readonly arrivals?: readonly CountedWork[]
  /** Of a metric that isn't finite, what is known of the cause: for a person to read. */
  readonly whyNotFinite?: string
}

/** Something that happened in a round and that a person may want to know; of no consequence for the result. */
export interface Notice {
  readonly code: string
  readonly message: string
}

/** Something that a role says while it runs, for whoever follows the job; never part of a result. */
export interface LogEntry {
  readonly level: 'info'
  readonly message: string
  readonly fields: LogFields
}

export type LogFields = Readonly<Record<string, string | number | boolean>>

/**
 * State of this end that outlives rounds which commit nothing, such as a client's control variate. The host keeps two
 * generations of it, so that a round that is asked for again starts from the same state. Plain values and typed arrays, which
 * are not changed in place.
 */
export interface OwnState {
  /**
   * The state from which the work of a round starts: that of the last kept round if `counted` says that the round was counted,
   * otherwise the state before it. Asked again for the kept round, the state before it. Undefined at first. ROLE_ROUND_OVER for
   * an earlier round than the kept one: the aggregator that asked for the kept round has committed the ones before.
   */
  before(round: number, counted?: number): Promise<unknown>
  /** Keeps the state after a round; durable when it resolves. The answer that was made with it is sent afterwards. */
  keep(round: number, after: unknown): Promise<void>
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
  /** The stream of (job seed, round, this end, labels). */
  random(round: number, ...labels: readonly string[]): RandomStream
  /**
   * What depends on timing is decided once: the value is journalled, and a round that is run again after a crash gets the
   * recorded one. Plain values only. The same name may be decided several times a round; the order of the calls tells them
   * apart. A `durable` decision is in the store when the call returns: for decisions that others act on before the round is
   * committed.
   */
  decide<Value>(
    name: string,
    make: () => Value | Promise<Value>,
    isValue: (value: unknown) => value is Value,
    options?: { readonly durable?: boolean },
  ): Promise<Value>
  readonly own: OwnState
  /** Milliseconds of the system's clock, as a decision. */
  now(): Promise<number>
  sleep(delayMs: number): Promise<void>
  /** Empty sums of the vectors that the algorithm's contributions have; one a round. */
  roundSum(): RoundSum
  /** Publishes the round's model when the round is committed. */
  publish(record: RoundRecord): void
  /**
   * A number of this round, for people to see: it goes into the round's record if the role publishes one (whose own metric of
   * the name stays), otherwise to the job. The last of a name counts. ROLE_METRIC if it isn't finite.
   */
  metric(name: string, value: number): void
  notice(notice: Notice): void
  /** A number that isn't finite is told by its name, such as "NaN". */
  log(message: string, fields?: LogFields): void
}

/**
 * What a task does: an ordinary async function from state to state, run round by round. The state holds plain values and
 * typed arrays; it isn't changed in place. A round that returns the very state it was given, and decided nothing, writes nothing.
 */
export interface Role<State, Channels> {
  readonly name: string
  /** Opens the channels it uses, once. */
  open(channel: OpenChannel): Channels
  init(context: RoleContext<Channels>): State | Promise<State>
  /** Tells a state of this role from what else a snapshot might hold. */
  isState(value: unknown): value is State
  /** What a state of an earlier start goes on as, where it isn't as it was: a job that had ended may have more rounds now. */
  resume?(state: State, context: RoleContext<Channels>): State
  round(state: State, context: RoleContext<Channels>): Promise<State>
  done(state: State): boolean
  /** Runs once the role is done, and again if it is resumed when done already. */
  finish?(state: State, context: RoleContext<Channels>): void | Promise<void>
}

/** Runs a role whose state and messages only the role knows. */
export interface RoleRunner {
  run<State, Channels>(role: Role<State, Channels>): Promise<void>
}

/** A role with its types closed over. */
export interface AnyRole {
  readonly name: string
  runOn(runner: RoleRunner): Promise<void>
}

/** Checks a role's types and closes over them. */
export function role<State, Channels>(definition: Role<State, Channels>): AnyRole {
  return { name: definition.name, runOn: (runner) => runner.run(definition) }
}
