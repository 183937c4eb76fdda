import type { Clock } from '../../runtime/index.ts'
import { randomStream } from '../../sdk/index.ts'
import type { AnyRole } from '../../sdk/role/role.ts'
import { changed, withChannels } from './changed-role.ts'

/**
 * A role whose ends have slow routes to a quarter of the other ends, drawn by a seed. A message on a slow route arrives
 * when all has been done that takes no time on the virtual clock, also what follows from messages that were sent later.
 */
export function onSlowRoutes(
  role: AnyRole,
  { clock, seed }: { readonly clock: Clock; readonly seed: number },
): AnyRole {
  let opened = 0
  return withChannels(role, (channel) => {
    const from = opened++
    const onRoute = (end: string, send: () => void) => {
      if (randomStream(seed, from, end).below(4) === 0) clock.schedule(1, send)
      else send()
    }
    return changed(channel, {
      send: (end, message, options) => onRoute(end, () => channel.send(end, message, options)),
      broadcast(message, ends = channel.ends()) {
        for (const end of ends) onRoute(end, () => channel.broadcast(message, [end]))
      },
    })
  })
}
