import type { Arrival, Channel } from '../channel/channel.ts'
import { roleError } from '../errors.ts'
import type { CoordinatedMessage, CoordinatorMessage, Pairs } from './coordinator-protocol.ts'
import type { Answer, Assignment } from './round-protocol.ts'

/** An aggregator's channel to the coordinator. */
export type ToCoordinator = Channel<CoordinatedMessage, CoordinatorMessage>

/**
 * The pairs of a round. Undefined without a coordinator.
 *
 * @throws ROLE_COORDINATOR_LEFT
 */
export async function pairsOf(
  round: number,
  coordinator: ToCoordinator | undefined,
  end: string,
): Promise<Pairs | undefined> {
  if (!coordinator) return undefined
  const [first = ''] = coordinator.expected
  for (;;) {
    const message = await coordinator.recv(first)
    if (!message) throw roleError('ROLE_COORDINATOR_LEFT', { end, round })
    if (message.type === 'pairs' && message.round === round) return message.pairs
  }
}

/** Takes the next assignment. Meanwhile answers the coordinator, if there is one. */
export async function coordinatedAssignment(
  aggregator: Channel<Answer, Assignment>,
  coordinator: ToCoordinator | undefined,
  members: number,
): Promise<Arrival<Assignment>> {
  if (!coordinator) return aggregator.recvAny()
  for (;;) {
    const arrival = aggregator.take(() => true)
    if (arrival) return arrival
    const asked = coordinator.take(({ message }) => message.type === 'meta')
    if (asked?.message.type === 'meta')
      coordinator.send(asked.end, { type: 'meta', round: asked.message.round, members }, { keep: false })
    else await Promise.race([aggregator.changed(), coordinator.changed()])
  }
}
