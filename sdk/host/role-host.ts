import { type Behavior, CodedError } from '../../runtime/index.ts'
import type { ChannelPort } from '../role/channel/channel-port.ts'
import { LiveChannel } from '../role/channel/live-channel.ts'
import type { RoleMessage } from '../role/channel/wiring.ts'
import type { LogEntry, Notice, Role, RoleContext, RoleRunner, RoundRecord } from '../role/role.ts'
import { placesOf } from './places.ts'
import { type Effects, type RoleActor, type RoundParts, type Rounds, roleContext } from './role-context.ts'
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
  let attempts = 0

  return (context) => {
    const channels = new Map(
      task.channels.map((wiring) => [
        wiring.name,
        new LiveChannel(wiring, {
          end: task.end,
          announceLeave: (channel) => job.rendezvous.tell({ type: 'leave', end: task.end, channel }),
          announceProperty: (channel, name, value) =>
            job.rendezvous.tell({ type: 'set-property', end: task.end, channel, name, value }),
        }),
      ]),
    )
    job.rendezvous.tell({
      type: 'join',
      end: task.end,
      role: task.role.name,
      places: placesOf(task.channels),
      ref: context.self,
    })

    return (message) => {
      switch (message.type) {
        case 'welcome':
          for (const view of message.channels) channels.get(view.channel)?.welcome(message.incarnation, view)
          void perform()
          return
        case 'joined':
          return channels.get(message.channel)?.joined(message.member)
        case 'left':
          return channels.get(message.channel)?.left(message.end)
        case 'property':
          return channels.get(message.channel)?.propertyChanged(message.end, message.name, message.value)
        case 'deliver':
          return channels.get(message.channel)?.delivered(message)
        case 'acknowledged':
          return channels.get(message.channel)?.acknowledged(message)
      }
    }

    async function perform(): Promise<void> {
      try {
        job.reports.tell({ type: 'task-running', end: task.end })
        await task.role.runOn({
          async run(role) {
            const keeper = await context.track(openRoundKeeper(role, task, job, context))
            await runRounds(role, keeper, { task, job, actor: context, ports: [...channels.values()], committed })
          },
        })
        if (!context.hasEnded) job.reports.tell({ type: 'task-completed', end: task.end })
      } catch (cause) {
        if (context.hasEnded) return
        attempts += 1
        if (mayPass(cause) && attempts < attemptsPerRound) return context.fail(cause)
        job.reports.tell({ type: 'task-failed', end: task.end, cause })
        job.rendezvous.tell({ type: 'failed', end: task.end, ref: context.self })
        context.stop()
      }
    }

    function committed(): void {
      for (const channel of channels.values()) channel.committed()
      attempts = 0
    }
  }
}

/** The ports and the keeper of a role without a rendezvous, such as that of a fleet's device. */
export interface Attachment {
  readonly ports: readonly ChannelPort[]
  keeper<State, Channels>(role: Role<State, Channels>): RoundKeeper<State>
  /** Called after each committed round. */
  committed(): void
  /** The role is done, or has failed. Not called for a role whose actor was stopped. */
  ended(failure?: { readonly cause: unknown }): void
}

/** The actor that runs a task's role over the ports of an attachment. Another run after a fault is the attachment's affair. */
export function attachedRole(task: RoleTask, job: RoundSurroundings, attachment: Attachment): Behavior<never> {
  return (actor) => {
    void new AttachedLife(task, job, actor, attachment).perform()
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

  async perform(): Promise<void> {
    try {
      await this.task.role.runOn(this)
      if (!this.actor.hasEnded) this.#attachment.ended()
    } catch (cause) {
      if (!this.actor.hasEnded) this.#attachment.ended({ cause })
    }
  }

  run<State, Channels>(role: Role<State, Channels>): Promise<void> {
    return runRounds(role, this.#attachment.keeper(role), this)
  }

  committed(): void {
    this.#attachment.committed()
  }
}

/** Runs a role's rounds from the restored state until the role is done, or its actor has ended. */
async function runRounds<State, Channels>(
  role: Role<State, Channels>,
  keeper: RoundKeeper<State>,
  life: Pick<RoundParts<State, Channels>, 'task' | 'job' | 'actor' | 'ports'> & { committed(): void },
): Promise<void> {
  const { task, job, actor, ports } = life
  const { decisions, own, restored } = keeper
  const live = { role, task, job, actor, ports, decisions, own, secret: keeper, effects: new HostEffects(life, keeper) }
  const { context, round } = job.checkDeterminism
    ? (await actor.outside(import('./checked-rounds.ts'))).checkedRounds(live)
    : plainRounds(live)
  let state = restored === undefined ? await role.init(context) : resumed(role, restored, context)
  while (!role.done(state)) {
    const next = await round(state)
    if (actor.hasEnded) return
    const committed = keeper.commit(state, next)
    if (committed) await actor.track(committed)
    life.committed()
    state = next
  }
  await role.finish?.(state, context)
}

class HostEffects implements Effects {
  readonly #life: Pick<RoundParts<unknown, unknown>, 'task' | 'job'>
  readonly #keeper: Pick<RoundKeeper<unknown>, 'stage' | 'metric'>

  constructor(
    life: Pick<RoundParts<unknown, unknown>, 'task' | 'job'>,
    keeper: Pick<RoundKeeper<unknown>, 'stage' | 'metric'>,
  ) {
    this.#life = life
    this.#keeper = keeper
  }

  stage(record: RoundRecord): void {
    this.#keeper.stage(record)
  }

  metric(name: string, value: number): void {
    this.#keeper.metric(name, value)
  }

  notice(notice: Notice): void {
    const { task, job } = this.#life
    job.reports.tell({ type: 'notice', end: task.end, notice })
  }

  log(entry: LogEntry): void {
    const { task, job } = this.#life
    job.reports.tell({ type: 'log', end: task.end, entry })
  }
}

function resumed<State, Channels>(role: Role<State, Channels>, state: State, context: RoleContext<Channels>): State {
  return role.resume ? role.resume(state, context) : state
}

/**
 * Whether another run of the round may succeed: after an unforeseen fault, or after the loss of a thread that held a
 * part of the round's sum.
 */
function mayPass(cause: unknown): boolean {
  return !(cause instanceof CodedError) || cause.code === 'LEARN_WORKER_DIED'
}

/** Runs each round once. */
function plainRounds<State, Channels>(parts: RoundParts<State, Channels>): Rounds<State, Channels> {
  const context = roleContext(parts)
  return { context, round: (state) => parts.role.round(state, context) }
}
