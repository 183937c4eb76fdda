import type { ClientAssignment, Contribution } from '../../strategy/algorithm.ts'
import type { RoleContext } from '../role.ts'

/** An assignment to train, and the last round that counted this end. */
type ClientWork = Omit<ClientAssignment, 'end'> & { readonly counted: number | undefined }

interface DoneWork {
  readonly contribution: Contribution
  readonly isAnew: boolean
}

/**
 * Trains for one round on this end's own data, as the algorithm's client does. Where clients keep own state, training
 * starts from the state after the last counted round, and the new state is durable before the contribution is returned.
 */
export function clientWork(assignment: ClientWork, context: RoleContext): Promise<DoneWork> {
  const { client, secret } = context.strategy
  if (client.init || secret) return workWithState(assignment, context)
  // Without an async function, whose frame is a part of a fleet's garbage.
  const { round, weights, terms } = assignment
  const { learner, end, now } = context
  const random = context.random(round, 'client')
  return client.train({ round, weights, terms, end, now }, undefined, learner, random, undefined).then(withoutState)
}

const withoutState = ({ contribution }: { readonly contribution: Contribution }): DoneWork => ({
  contribution,
  isAnew: false,
})

async function workWithState({ round, weights, terms, counted }: ClientWork, context: RoleContext): Promise<DoneWork> {
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
