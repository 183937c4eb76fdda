import { systemClock } from '../../runtime/index.ts'
import { LiveChannel } from '../role/channel/live-channel.ts'
import { typedChannel } from '../role/channel/typed-channel.ts'
import type { Decisions } from '../role/decisions.ts'
import { portFor } from './role-context.ts'
import type { RoleTask } from './role-task.ts'

/** Opens the channels that a task's role uses, and does nothing on them. ROLE_CHANNEL_MISSING where the task has none for a use. */
export function requireChannels(task: RoleTask): Promise<void> {
  const { end } = task
  const ports = task.channels.map(
    (wiring) => new LiveChannel(wiring, { end, announceLeave: () => {}, announceProperty: () => {} }),
  )
  const surroundings = { end, clock: systemClock(), decisions: undecided, foreign: () => {} }
  return task.role.runOn({
    async run(role) {
      role.open((use) => typedChannel(portFor(use, task, ports), use, surroundings))
    },
  })
}

const undecided: Decisions = {
  place: (name) => name,
  recall: () => undefined,
  make: async (_, make) => make(),
  record: () => {},
  flush: async () => {},
}
