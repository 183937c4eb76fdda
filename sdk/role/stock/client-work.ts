import type { ClientAssignment, Contribution } from '../../strategy/algorithm.ts'
import type { RoleContext } from '../role.ts'

/**
 * Trains for one round on this end's own data, as the algorithm's client does. Where clients keep own state, training
 * starts from the state after the last counted round, and the new state is durable before the contribution is returned.
 */
export async function clientWork(
  { round, weights, terms, counted }: Omit<ClientAssignment, 'end'> & { readonly counted: number | undefined },
  context: RoleContext,
): Promise<{ readonly contribution: Contribution; readonly isAnew: boolean }> {
  const { strategy, learner, end, now } = context
  const { client } = strategy
  const before = client.init && ((await context.own.before(round, counted)) ?? client.init(learner.layout))
  const secret = strategy.secret && (await context.secret(round, 'noise'))
  const random = context.random(round, 'client')
  const trained = await client.train({ round, weights, terms, end, now }, before, learner, random, secret)
  const { contribution } = trained
  if (!client.init) return { contribution, isAnew: false }
  await context.own.keep(round, trained.own)
  return { contribution, isAnew: context.own.isAnew }
}
