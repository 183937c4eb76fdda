import type { ClientAssignment, Contribution } from '../../strategy/algorithm.ts'
import type { RoleContext } from '../role.ts'

/**
 * Trains for one round on this end's own data, as the algorithm's client does. Where clients keep own state, training
 * starts from the state after the last counted round, and the new state is durable before the contribution is returned.
 */
export async function clientWork(
  { counted, ...given }: Omit<ClientAssignment, 'end'> & { readonly counted: number | undefined },
  { strategy, learner, random, own, end, now, secret: secretOf }: RoleContext,
): Promise<{ readonly contribution: Contribution; readonly isAnew: boolean }> {
  const { client } = strategy
  const { round } = given
  const before = client.init && ((await own.before(round, counted)) ?? client.init(learner.layout))
  const secret = strategy.secret && (await secretOf(round, 'noise'))
  const streams = [random(round, 'client'), secret] as const
  const { contribution, own: after } = await client.train({ ...given, end, now }, before, learner, ...streams)
  if (client.init) await own.keep(round, after)
  return { contribution, isAnew: client.init !== undefined && own.isAnew }
}
