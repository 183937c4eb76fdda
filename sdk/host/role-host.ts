import { type ActorContext, type Behavior, CodedError } from '../../runtime/index.ts'
import { LiveChannel } from '../role/channel/live-channel.ts'
import type { RoleMessage } from '../role/channel/wiring.ts'
import type { LogEntry, Notice, Role, RoleContext } from '../role/role.ts'
import { placesOf } from './places.ts'
import { type RoundParts, type Rounds, roleContext } from './role-context.ts'
import type { JobSurroundings, RoleTask } from './role-task.ts'
import { openRoundKeeper } from './round-keeper.ts'

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
        await task.role.runOn({ run: (role) => runRole(role, context) })
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

    async function runRole<State, Channels>(
      role: Role<State, Channels>,
      actor: ActorContext<RoleMessage>,
    ): Promise<void> {
      const keeper = await actor.track(openRoundKeeper(role, task, job, actor))
      const effects = {
        stage: keeper.stage,
        metric: keeper.metric,
        notice: (notice: Notice) => job.reports.tell({ type: 'notice', end: task.end, notice }),
        log: (entry: LogEntry) => job.reports.tell({ type: 'log', end: task.end, entry }),
      }
      const { decisions, own, secret } = keeper
      const live = { role, task, job, actor, ports: [...channels.values()], decisions, own, secret, effects }
      const { context: roleContextOf, round } = job.checkDeterminism
        ? (await actor.outside(import('./checked-rounds.ts'))).checkedRounds(live)
        : plainRounds(live)
      const { restored } = keeper
      let state = restored === undefined ? await role.init(roleContextOf) : resumed(role, restored, roleContextOf)
      while (!role.done(state)) {
        const next = await round(state)
        if (actor.hasEnded) return
        const committed = keeper.commit(state, next)
        if (committed) await actor.track(committed)
        for (const channel of channels.values()) channel.committed()
        attempts = 0
        state = next
      }
      await role.finish?.(state, roleContextOf)
    }
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
