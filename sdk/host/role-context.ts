import { type ActorContext, isNumber, systemClock } from '../../runtime/index.ts'
import type { RoleLearner, RoleTrainingRequest } from '../learn/role-learner.ts'
import { randomStream } from '../random/random-stream.ts'
import type { Channel } from '../role/channel/channel.ts'
import type { ChannelPort } from '../role/channel/channel-port.ts'
import { typedChannel } from '../role/channel/typed-channel.ts'
import { type Decisions, placeOf } from '../role/decisions.ts'
import { roleError } from '../role/errors.ts'
import type {
  ChannelUse,
  LogEntry,
  LogFields,
  Notice,
  OpenChannel,
  OwnState,
  Role,
  RoleContext,
  RoundRecord,
  Settings,
} from '../role/role.ts'
import type { Algorithm } from '../strategy/algorithm.ts'
import { roundSum } from '../strategy/round-sum.ts'
import { summedLayout } from '../strategy/shared-part.ts'
import { arrayOf } from '../sum/accumulator.ts'
import { type NamedSums, namedSums } from '../sum/named-sums.ts'
import { idsOf, type PoolTrainingRequest, rolePasses } from '../training/training-pool.ts'
import type { RoleTask, RoundSurroundings } from './role-task.ts'

/** The calls of an actor that the rounds of a role use. */
export type RoleActor = Pick<ActorContext<never>, 'clock' | 'signal' | 'hasEnded' | 'track' | 'outside'>

/** Everything that the rounds of a role run with. */
export interface RoundParts<State, Channels> {
  readonly role: Role<State, Channels>
  readonly task: RoleTask
  readonly job: RoundSurroundings
  readonly actor: RoleActor
  readonly ports: readonly ChannelPort[]
  readonly decisions: Decisions
  readonly own: OwnState
  readonly secret: TaskSecret
  readonly effects: Effects
}

/** The secret of a task. */
export interface TaskSecret {
  secret(): Promise<Uint8Array>
}

/** Runs rounds, once or twice each. */
export interface Rounds<State, Channels> {
  readonly context: RoleContext<Channels>
  round(state: State): Promise<State>
}

/** The effects of a round besides messages and its new state. */
export interface Effects {
  stage(record: RoundRecord): void
  metric(name: string, value: number): void
  notice(notice: Notice): void
  log(entry: LogEntry): void
}

/** Makes a role's context from its actor's context and its job's surroundings. */
export function roleContext<State, Channels>(parts: RoundParts<State, Channels>): RoleContext<Channels> {
  return new HostedContext(parts)
}

/**
 * The context of a hosted role. A fleet makes one for each activation of a device, so the context is a class, and makes
 * its calls when they are read: a role may take them out of the context, as in `round(state, { random, publish })`.
 */
class HostedContext<State, Channels> implements RoleContext<Channels> {
  readonly job: string
  readonly end: string
  readonly role: string
  readonly settings: Settings
  readonly strategy: Algorithm
  readonly channels: Channels
  readonly #parts: RoundParts<State, Channels>
  #learner: RoleLearner | undefined
  #sums: NamedSums | undefined
  /** The last round that the role drew numbers for or trained for, for error messages. */
  #round: number | undefined

  constructor(parts: RoundParts<State, Channels>) {
    const { role, task, job } = parts
    this.#parts = parts
    this.job = job.job
    this.end = task.end
    this.role = role.name
    this.settings = job.settings
    this.strategy = job.strategy
    this.channels = role.open(opener((use) => this.#open(use), parts.ports))
  }

  get own(): OwnState {
    return this.#parts.own
  }

  get learner(): RoleLearner {
    const { task, job, actor } = this.#parts
    this.#learner ??= new TaskLearner(task, job, actor, (round) => {
      this.#round = round
    })
    return this.#learner
  }

  get signal(): AbortSignal {
    return this.#parts.actor.signal
  }

  get random(): RoleContext['random'] {
    return (round, ...labels) => {
      this.#round = round
      return randomStream(this.#parts.job.seed, round, this.end, ...labels)
    }
  }

  get jobRandom(): RoleContext['jobRandom'] {
    return (round, ...labels) => {
      this.#round = round
      // No end has an empty name.
      return randomStream(this.#parts.job.seed, round, '', ...labels)
    }
  }

  get secret(): RoleContext['secret'] {
    const { actor, secret } = this.#parts
    return async (round, ...labels) => {
      // Few jobs need the cipher.
      const { secretStream } = await actor.outside(import('../random/secret-stream.ts'))
      return secretStream(await actor.track(secret.secret()), round, ...labels)
    }
  }

  get decide(): RoleContext['decide'] {
    const { decisions } = this.#parts
    return async (name, make, isValue, { durable = false } = {}) => {
      const place = decisions.place(name)
      const recorded = decisions.recall(place, isValue)
      if (recorded !== undefined) return recorded
      // A fleet decides at once, for each of its many updates, and waits for nothing.
      const making = decisions.make(place, make, isValue)
      const made = making instanceof Promise ? await making : making
      decisions.record(place, made)
      const flushed = durable ? decisions.flush() : undefined
      if (flushed) await flushed
      return made
    }
  }

  get recorded(): RoleContext['recorded'] {
    return (name, isValue) => this.#parts.decisions.recall(placeOf(name, 0), isValue)
  }

  get life(): RoleContext['life'] {
    return () => this.#parts.decisions.life()
  }

  get now(): RoleContext['now'] {
    return () => this.decide('now', () => this.#parts.actor.clock.now(), isNumber)
  }

  get sleep(): RoleContext['sleep'] {
    return (delayMs) => new Promise((resolve) => void this.#parts.actor.clock.schedule(delayMs, resolve))
  }

  get outside(): RoleContext['outside'] {
    return (work) => this.#parts.actor.outside(work)
  }

  get roundSum(): RoleContext['roundSum'] {
    return () => {
      const { job, actor } = this.#parts
      const { aggregation } = this.strategy
      this.#sums ??= namedSums({
        layout: summedLayout(aggregation, job.pool.layout),
        vectors: aggregation.vectors,
        weightBits: aggregation.weightBits ?? 0,
        name: `${job.job}/${this.end}`,
        track: (work) => actor.outside(work),
      })
      this.#sums.reset()
      return roundSum(aggregation, this.#sums)
    }
  }

  get publish(): RoleContext['publish'] {
    return (record) => this.#parts.effects.stage(record)
  }

  get metric(): RoleContext['metric'] {
    return (name, value) => {
      if (Number.isFinite(value)) return this.#parts.effects.metric(name, value)
      const when = this.#round === undefined ? '' : ` in round ${this.#round}`
      throw roleError('ROLE_METRIC', { name, value, end: this.end, when })
    }
  }

  get notice(): RoleContext['notice'] {
    return (notice) => this.#parts.effects.notice(notice)
  }

  get log(): RoleContext['log'] {
    return (message, fields = {}) =>
      this.#parts.effects.log({ level: 'info', message: String(message), fields: plainFields(fields) })
  }

  #open<Out, In>(use: ChannelUse<Out, In>): Channel<Out, In> {
    const { task, ports, actor, decisions, effects } = this.#parts
    return typedChannel(portFor(use, task, ports), use, {
      end: this.end,
      clock: actor.clock,
      decisions,
      foreign: (channel, from) =>
        effects.notice({
          code: 'ROLE_FOREIGN_MESSAGE',
          message: `${this.end} dropped a message of ${from} on ${channel} that is not of its protocol`,
        }),
    })
  }
}

/**
 * Makes fields fit for text and JSON: turns a number that isn't finite, and a value that is no string, number or
 * boolean, into a string.
 */
function plainFields(fields: LogFields): LogFields {
  const plain = (value: string | number | boolean) =>
    typeof value === 'boolean' || Number.isFinite(value) ? value : String(value)
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, plain(value)]))
}

/**
 * The learner of a task. A fleet makes one for each activation of a device, so the learner is a class, and makes its calls
 * when they are read: an algorithm may take them out of the learner, as in `train(assignment, own, { layout, trainHeld })`.
 */
class TaskLearner implements RoleLearner {
  readonly #task: RoleTask
  readonly #job: RoundSurroundings
  readonly #actor: RoleActor
  /** Called with the round of each training. */
  readonly #began: (round: number) => void

  constructor(task: RoleTask, job: RoundSurroundings, actor: RoleActor, began: (round: number) => void) {
    this.#task = task
    this.#job = job
    this.#actor = actor
    this.#began = began
  }

  get layout(): RoleLearner['layout'] {
    return this.#job.pool.layout
  }

  get ownSteps(): RoleLearner['ownSteps'] {
    return this.#job.pool.ownSteps
  }

  get sections(): RoleLearner['sections'] {
    return this.#job.pool.sections
  }

  get modelLayers(): RoleLearner['modelLayers'] {
    return this.#job.pool.modelLayers
  }

  get own(): RoleLearner['own'] {
    const { client } = this.#task
    return client === undefined ? undefined : { client, clients: this.#job.pool.clients }
  }

  get ids(): RoleLearner['ids'] {
    return () => this.#actor.outside(idsOf(this.#job.pool, clientOf(this.#task)))
  }

  get initialWeights(): RoleLearner['initialWeights'] {
    return () => this.#actor.outside(this.#job.pool.initialWeights())
  }

  get train(): RoleLearner['train'] {
    return (request) => {
      const { client, end } = this.#task
      if (client === undefined) return Promise.reject(roleError('ROLE_NO_LEARNER_DATA', { end }))
      this.#began(request.round)
      return this.#actor.outside(this.#job.pool.train(this.#asked(request, client)))
    }
  }

  get trainHeld(): RoleLearner['trainHeld'] {
    return (request) => {
      const job = this.#job
      const { pool } = job
      const { client } = this.#task
      // The determinism check runs a round twice and adds its updates twice, but a held delta can be added only once.
      if (!pool.trainHeld || job.checkDeterminism || job.isSpread || client === undefined) return this.train(request)
      this.#began(request.round)
      return this.#actor.outside(pool.trainHeld(this.#asked(request, client)))
    }
  }

  get trainRoot(): RoleLearner['trainRoot'] {
    const { trainRoot } = this.#job.pool
    if (!trainRoot) return undefined
    return async (request) => {
      this.#began(request.round)
      return this.#actor.outside(trainRoot({ ...request, end: this.#task.end, signal: this.#actor.signal }))
    }
  }

  get take(): RoleLearner['take'] {
    return (vector) => this.#actor.outside(arrayOf(vector))
  }

  get samples(): RoleLearner['samples'] {
    return this.#passes.samples
  }

  get forward(): RoleLearner['forward'] {
    return this.#passes.forward
  }

  get backward(): RoleLearner['backward'] {
    return this.#passes.backward
  }

  get lossOfPart(): RoleLearner['lossOfPart'] {
    return this.#passes.lossOfPart
  }

  get loss(): RoleLearner['loss'] {
    return async (weights, options = {}) => {
      const request = { ...options, weights, client: clientOf(this.#task), on: 'training' } as const
      return this.#actor.outside(this.#job.pool.evaluateClient(request))
    }
  }

  get evaluateClient(): RoleLearner['evaluateClient'] {
    return async (weights) => {
      const request = { weights, client: clientOf(this.#task), on: 'held-out' } as const
      return this.#actor.outside(this.#job.pool.evaluateClient(request))
    }
  }

  get evaluate(): RoleLearner['evaluate'] {
    return (weights) => this.#actor.outside(this.#job.pool.evaluate(weights))
  }

  #asked(request: RoleTrainingRequest, client: number): PoolTrainingRequest {
    const { end } = this.#task
    // A field after a spread would be added by the slow way of the engine.
    return this.#job.interruptible === false
      ? { client, end, ...request }
      : { client, end, signal: this.#actor.signal, ...request }
  }

  get #passes() {
    const { pass, samples } = this.#job.pool
    const actor = this.#actor
    return rolePasses(
      {
        ...(pass && { pass: (request) => actor.outside(pass(request)) }),
        ...(samples && { samples: (client) => actor.outside(Promise.resolve(samples(client))) }),
      },
      () => this.#task,
    )
  }
}

function clientOf({ client, end }: RoleTask): number {
  if (client === undefined) throw roleError('ROLE_NO_LEARNER_DATA', { end })
  return client
}

/**
 * Opens the channels that a task's role uses, without sending or receiving.
 *
 * @throws ROLE_CHANNEL_MISSING where no channel of the task fits a use, or several channels do.
 */
export function openChannels<State, Channels>(
  role: Pick<Role<State, Channels>, 'open'>,
  task: RoleTask,
  ports: readonly ChannelPort[],
): void {
  const surroundings = { end: task.end, clock: systemClock(), decisions: undecided, foreign: () => {} }
  role.open(opener((use) => typedChannel(portFor(use, task, ports), use, surroundings), ports))
}

/** Whether `openChannels` finds a channel for each use. */
export function canOpen<State, Channels>(
  role: Pick<Role<State, Channels>, 'open'>,
  task: RoleTask,
  ports: readonly ChannelPort[],
): boolean {
  try {
    openChannels(role, task, ports)
    return true
  } catch {
    return false
  }
}

const undecided: Decisions = {
  place: (name) => name,
  recall: () => undefined,
  make: async (_, make) => make(),
  record: () => {},
  life: async () => 0,
  flush: () => undefined,
}

/** Lets a role open a channel that its task may not have. */
function opener(
  open: <Out, In>(use: ChannelUse<Out, In>) => Channel<Out, In>,
  ports: readonly ChannelPort[],
): OpenChannel {
  return Object.assign(open, {
    optional: <Out, In>(use: ChannelUse<Out, In>) => (fitting(use, ports).length === 0 ? undefined : open(use)),
  })
}

function fitting<Out, In>({ tags }: ChannelUse<Out, In>, ports: readonly ChannelPort[]): readonly ChannelPort[] {
  return ports.filter(({ wiring }) => tags.every((tag) => wiring.funcTags.includes(tag)))
}

function portFor<Out, In>(use: ChannelUse<Out, In>, task: RoleTask, ports: readonly ChannelPort[]): ChannelPort {
  const found = fitting(use, ports)
  const [port] = found
  if (port && found.length === 1) return port
  throw roleError('ROLE_CHANNEL_MISSING', {
    role: task.role.name,
    tags: use.tags.join(', '),
    end: task.end,
    count: found.length,
    channels: ports.map(({ wiring }) => wiring.name).join(', '),
  })
}
