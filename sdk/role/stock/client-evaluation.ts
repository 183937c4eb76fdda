import { wholeWeights } from '../../strategy/shared-part.ts'
import type { RoleContext } from '../role.ts'
import type { Answer, Assignment } from './round-protocol.ts'

/** A client's answer to an evaluation, with its own model if it has one, or with the numbers that it is asked for. */
export async function evaluatedBy(
  message: Extract<Assignment, { type: 'evaluate' | 'tell' | 'query' }>,
  { strategy, learner, own, end }: Pick<RoleContext, 'strategy' | 'learner' | 'own' | 'end'>,
): Promise<Answer> {
  const { round } = message
  const { client } = strategy
  const weights = await wholeWeights(strategy.aggregation, message.weights, learner)
  if (message.type !== 'evaluate') {
    const assignment = { end, round, weights, terms: {} }
    const answer = await (message.type === 'tell'
      ? client.tell?.(assignment, learner)
      : client.answer?.(assignment, learner))
    const clients = answer ? [{ end, samples: answer.samples, metrics: answer.numbers }] : []
    return { type: answerTo(message.type), round, clients, refusals: [] }
  }
  // The state before the next round is the one after this round, if this round counted the client.
  const kept = client.personal && (await own.before(round + 1, message.counted?.[end]))
  const model = client.personal?.(weights, kept ?? client.init?.(learner.layout), learner.layout) ?? weights
  const { samples, metrics, counts } = await learner.evaluateClient(model)
  return { type: 'evaluated', round, clients: [{ end, samples, metrics, ...(counts && { counts }) }], refusals: [] }
}

/** The type of the answers to an assignment that isn't a training. */
export function answerTo(asked: 'evaluate' | 'tell' | 'query'): 'evaluated' | 'told' | 'answered' {
  return ({ evaluate: 'evaluated', tell: 'told', query: 'answered' } as const)[asked]
}
