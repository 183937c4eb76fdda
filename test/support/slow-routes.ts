import { type Clock, seededScheduler, virtualClock } from '../../runtime/index.ts'
import { roleTasksOf } from '../../sdk/host/index.ts'
import { expand, randomStream, type Topology } from '../../sdk/index.ts'
import type { AnyRole } from '../../sdk/role/role.ts'
import type { RehearsalOptions } from '../../sdk/testing/index.ts'
import { changed, changedRole, withChannels } from './changed-role.ts'

/** A topology with its stock roles, in an order of messages and with slow routes between some ends, all drawn by a seed. */
export function disturbed(
  topology: Topology,
  seed: number,
): Required<Pick<RehearsalOptions, 'topology' | 'system' | 'roles'>> {
  const clock = virtualClock()
  const tasks = expand(topology, { jobId: 'job-1', newKey: () => '' })
  const roles = roleTasksOf({ schema: topology.schema, tasks }).map(({ role }) => [
    role.name,
    onSlowRoutes(role, { clock, seed }),
  ])
  return { topology, system: { scheduler: seededScheduler(seed), clock }, roles: Object.fromEntries(roles) }
}

/**
 * A role whose ends have slow routes to a quarter of the other ends. A message on a slow route arrives when all has been
 * done that takes no time on the virtual clock, also what follows from messages that were sent later.
 */
function onSlowRoutes(role: AnyRole, { clock, seed }: { readonly clock: Clock; readonly seed: number }): AnyRole {
  /** The end that has a channel. */
  const ends = new WeakMap<object, string>()
  const slow = withChannels(role, (channel) => {
    const onRoute = (end: string, send: () => void) => {
      const from = ends.get(slowChannel) ?? ''
      if (randomStream(seed, channel.name, from, end).below(4) === 0) clock.schedule(1, send)
      else send()
    }
    const slowChannel = changed(channel, {
      send: (end, message, options) => onRoute(end, () => channel.send(end, message, options)),
      broadcast(message, to = channel.ends()) {
        for (const end of to) onRoute(end, () => channel.broadcast(message, [end]))
      },
    })
    return slowChannel
  })
  return changedRole(slow, (definition) => ({
    ...definition,
    round(state, context) {
      for (const channel of Object.values(Object(context.channels))) ends.set(Object(channel), context.end)
      return definition.round(state, context)
    },
  }))
}
