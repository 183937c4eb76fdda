import { type ActorContext, type Behavior, CodedError } from '../../runtime/index.ts'
import type { ChannelPort } from '../role/channel/channel-port.ts'
import { type ChannelHost, LiveChannel } from '../role/channel/live-channel.ts'
import type { ChannelWiring, RoleMessage } from '../role/channel/wiring.ts'
import type { Decisions } from '../role/decisions.ts'
import type { AnyRole, LogEntry, Notice, OwnState, Role, RoleContext, RoleRunner, RoundRecord } from '../role/role.ts'
import { placesOf } from './places.ts'
import {
  canOpen,
  type Effects,
  type RoleActor,
  type RoundParts,
  type Rounds,
  roleContext,
  type TaskSecret,
} from './role-context.ts'
import type { JobSurroundings, RoleTask, RoundSurroundings } from './role-task.ts'
import { openRoundKeeper, type RoundKeeper } from './round-keeper.ts'

/** A task fails for good after this many runs of one round; a committed round sets the count to zero. */
const attemptsPerRound = 3

/**
 * The actor that runs a task's role, round by round, and keeps the role's state.
 * After a fault that another run may mend, the actor restarts and repeats the round from the snapshot. Any other fault
 * stops the task, and is reported.
 */
export function roleHost(task: RoleTask, job: JobSurroundings): Behavior<RoleMessage> {
  const attempts = { count: 0 }
  return (context) => {
    const life = new HostedLife(task, job, context, attempts)
    return (message) => life.hear(message)
  }
}

/** The rounds of a role that rests. */
interface Rested {
  /** Goes on. True once the role is done. */
  run(): Promise<boolean>
}

/** One life of a task's role, from its join. A job may have many thousands, so it is a class. */
class HostedLife implements ChannelHost, RoleRunner {
  readonly task: RoleTask
  readonly job: JobSurroundings
  readonly actor: ActorContext<RoleMessage>
  readonly ports: readonly LiveChannel[]
  readonly #attempts: { count: number }
  /** Of a role that rests: how it goes on, or that it isn't opened yet. */
  #resting: Rested | 'unopened' | undefined

  constructor(task: RoleTask, job: JobSurroundings, actor: ActorContext<RoleMessage>, attempts: { count: number }) {
    this.task = task
    this.job = job
    this.actor = actor
    this.#attempts = attempts
    this.ports = task.channels.map((wiring) => new LiveChannel(wiring, this))
    const { end, role, channels } = task
    job.rendezvous.tell({ type: 'join', end, role: role.name, places: placesOf(channels), ref: actor.self })
  }

  get end(): string {
    return this.task.end
  }

  announceLeave(channel: string): void {
    this.job.rendezvous.tell({ type: 'leave', end: this.end, channel })
  }

  announceProperty(channel: string, name: string, value: unknown): void {
    this.job.rendezvous.tell({ type: 'set-property', end: this.end, channel, name, value })
  }

  hear(message: RoleMessage): void {
    switch (message.type) {
      case 'welcome':
        for (const view of message.channels) this.#port(view.channel)?.welcome(message.incarnation, view)
        this.job.reports.tell({ type: 'task-running', end: this.end })
        if (!this.#mayRest()) return this.#perform('unopened')
        this.#resting = 'unopened'
        return this.#wake()
      case 'joined':
        return this.#port(message.channel)?.joined(message.member)
      case 'left':
        return this.#port(message.channel)?.left(message.end)
      case 'property':
        return this.#port(message.channel)?.propertyChanged(message.end, message.name, message.value)
      case 'deliver':
        this.#port(message.channel)?.delivered(message)
        return this.#wake()
      case 'acknowledged':
        return this.#port(message.channel)?.acknowledged(message)
    }
  }

  async run<State, Channels>(role: Role<State, Channels>): Promise<void> {
    const keeper = await this.actor.track(openRoundKeeper(role, this.task, this.job, this.actor))
    if (await new RunningRole(role, keeper, this).run()) this.#completed()
  }

  /** Lets the role rest before its next round, unless a message waits already. */
  rest(rested: Rested): boolean {
    if (this.#hasWaiting()) return false
    this.#resting = rested
    return true
  }

  committed(): void {
    for (const port of this.ports) port.committed()
    this.#attempts.count = 0
  }

  #port(channel: string): LiveChannel | undefined {
    return this.ports.find(({ wiring }) => wiring.name === channel)
  }

  #hasWaiting(): boolean {
    return this.ports.some(({ hasWaiting }) => hasWaiting)
  }

  /** A role whose channels don't fit is opened at once, and fails. So is one that another server must be kept from. */
  #mayRest(): boolean {
    const { task, job } = this
    return task.role.rests === true && job.takenOver !== true && fitsChannels(task, this.ports)
  }

  #wake(): void {
    if (this.#resting === undefined || !this.#hasWaiting()) return
    const resting = this.#resting
    this.#resting = undefined
    this.#perform(resting)
  }

  #perform(of: Rested | 'unopened'): void {
    const running = of === 'unopened' ? this.task.role.runOn(this) : of.run().then((done) => done && this.#completed())
    running.catch((cause: unknown) => this.#failed(cause))
  }

  #completed(): void {
    if (!this.actor.hasEnded) this.job.reports.tell({ type: 'task-completed', end: this.end })
  }

  #failed(cause: unknown): void {
    const { actor, job, end } = this
    if (actor.hasEnded) return
    this.#attempts.count += 1
    if (mayPass(cause) && this.#attempts.count < attemptsPerRound) return actor.fail(cause)
    job.reports.tell({ type: 'task-failed', end, cause })
    job.rendezvous.tell({ type: 'failed', end, ref: actor.self })
    actor.stop()
  }
}

/** Whether a role can open its channels: the same for all tasks that share them. */
const fits = new WeakMap<readonly ChannelWiring[], { readonly role: AnyRole; readonly isFit: boolean }>()

function fitsChannels(task: RoleTask, ports: readonly ChannelPort[]): boolean {
  const { role, channels } = task
  const known = fits.get(channels)
  if (known?.role === role) return known.isFit
  let isFit = false
  void role.runOn({
    async run(definition) {
      isFit = canOpen(definition, task, ports)
    },
  })
  fits.set(channels, { role, isFit })
  return isFit
}

/** The ports and the keeper of a role without a rendezvous, such as that of a fleet's device. */
export interface Attachment {
  readonly ports: readonly ChannelPort[]
  keeper<State, Channels>(role: Role<State, Channels>): RoundKeeper<State>
  /** Called after each committed round. */
  committed(): void
  /** Lets a role that rests between its rounds end, since no round follows. Absent: the role goes on. */
  rest?(): boolean
  /** The role is done, or has failed. Not called for a role whose actor was stopped. */
  ended(failure?: { readonly cause: unknown }): void
}

/** The actor that runs a task's role over the ports of an attachment. Another run after a fault is the attachment's affair. */
export function attachedRole(task: RoleTask, job: RoundSurroundings, attachment: Attachment): Behavior<never> {
  return (actor) => {
    new AttachedLife(task, job, actor, attachment).begin()
    return noMessages
  }
}

function noMessages(): void {}

/** A fleet makes one for each activation of a device, so it is a class. */
class AttachedLife implements RoleRunner {
  readonly task: RoleTask
  readonly job: RoundSurroundings
  readonly actor: RoleActor
  readonly #attachment: Attachment

  constructor(task: RoleTask, job: RoundSurroundings, actor: RoleActor, attachment: Attachment) {
    this.task = task
    this.job = job
    this.actor = actor
    this.#attachment = attachment
  }

  get ports(): readonly ChannelPort[] {
    return this.#attachment.ports
  }

  begin(): void {
    try {
      this.task.role.runOn(this).then(
        () => this.#ended(),
        (cause: unknown) => this.#ended({ cause }),
      )
    } catch (cause) {
      this.#ended({ cause })
    }
  }

  run<State, Channels>(role: Role<State, Channels>): Promise<unknown> {
    return new RunningRole(role, this.#attachment.keeper(role), this).run()
  }

  committed(): void {
    this.#attachment.committed()
  }

  rest(): boolean {
    return this.#attachment.rest?.() ?? false
  }

  #ended(failure?: { readonly cause: unknown }): void {
    if (!this.actor.hasEnded) this.#attachment.ended(failure)
  }
}

/** The parts of a life that the rounds of a role need. */
interface Life extends Pick<RoundParts<unknown, unknown>, 'task' | 'job' | 'actor' | 'ports'> {
  committed(): void
  rest?(rested: Rested): boolean
}

/**
 * Runs a role's rounds from the restored state until the role is done, or rests, or its actor has ended. A fleet makes one
 * for each activation of a device, so one object is the rounds' parts and their effects.
 */
class RunningRole<State, Channels> implements RoundParts<State, Channels>, Effects, Rested {
  readonly role: Role<State, Channels>
  readonly #keeper: RoundKeeper<State>
  readonly #life: Life
  /** Absent until the first run. */
  #rounds: Rounds<State, Channels> | undefined
  /** The state between rounds. */
  #rested: { readonly state: State } | undefined

  constructor(role: Role<State, Channels>, keeper: RoundKeeper<State>, life: Life) {
    this.role = role
    this.#keeper = keeper
    this.#life = life
  }

  get task(): RoleTask {
    return this.#life.task
  }

  get job(): RoundSurroundings {
    return this.#life.job
  }

  get actor(): RoleActor {
    return this.#life.actor
  }

  get ports(): readonly ChannelPort[] {
    return this.#life.ports
  }

  get decisions(): Decisions {
    return this.#keeper.decisions
  }

  get own(): OwnState {
    return this.#keeper.own
  }

  get secret(): TaskSecret {
    return this.#keeper
  }

  get effects(): Effects {
    return this
  }

  /** Begins, or goes on after a rest. True once the role is done. */
  async run(): Promise<boolean> {
    const { role } = this
    const { actor } = this.#life
    this.#rounds ??= this.job.checkDeterminism
      ? (await actor.outside(import('./checked-rounds.ts'))).checkedRounds(this)
      : new PlainRounds(this)
    const { context } = this.#rounds
    const begun = this.#rested ? this.#rested.state : this.#begun(context)
    // A fleet waits for nothing that is there: each wait is a part of its garbage.
    let state = begun instanceof Promise ? await begun : begun
    while (!role.done(state)) {
      if (role.rests) {
        this.#rested = { state }
        if (this.#life.rest?.(this)) return false
      }
      const next = await this.#rounds.round(state)
      if (actor.hasEnded) return false
      // That a role which rests is done needs no writing: after a restart it hears the end again.
      const committed = this.#keeper.commit(state, role.rests && role.done(next) ? state : next)
      if (committed) await actor.track(committed)
      this.#life.committed()
      state = next
    }
    await role.finish?.(state, context)
    return true
  }

  stage(record: RoundRecord): void {
    this.#keeper.stage(record)
  }

  metric(name: string, value: number): void {
    this.#keeper.metric(name, value)
  }

  notice(notice: Notice): void {
    this.job.reports.tell({ type: 'notice', end: this.task.end, notice })
  }

  log(entry: LogEntry): void {
    this.job.reports.tell({ type: 'log', end: this.task.end, entry })
  }

  #begun(context: RoleContext<Channels>): State | Promise<State> {
    const { role } = this
    const { restored } = this.#keeper
    if (restored === undefined) return role.init(context)
    return role.resume ? role.resume(restored, context) : restored
  }
}

/** Runs each round once. */
class PlainRounds<State, Channels> implements Rounds<State, Channels> {
  readonly context: RoleContext<Channels>
  readonly #role: Role<State, Channels>

  constructor(parts: RoundParts<State, Channels>) {
    this.context = roleContext(parts)
    this.#role = parts.role
  }

  round(state: State): Promise<State> {
    return this.#role.round(state, this.context)
  }
}

/**
 * Whether another run of the round may succeed: after an unforeseen fault, or after the loss of a thread that held a
 * part of the round's sum.
 */
function mayPass(cause: unknown): boolean {
  return !(cause instanceof CodedError) || cause.code === 'LEARN_WORKER_DIED'
}
