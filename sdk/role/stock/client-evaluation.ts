import { mergedCounts, valuesOfCounts } from '../../learn/metric-counts.ts'
import { wholeWeights } from '../../strategy/shared-part.ts'
import type { RoleContext } from '../role.ts'
import type { Answer, Assignment, ClientEvaluation } from './round-protocol.ts'

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

/**
 * Summarizes the clients' own evaluations, for each metric that all clients have: `client-…` is the metric over all
 * examples, by the metric's counts, or as the mean weighted by samples where it has none; `client-…-spread` is the standard
 * deviation over clients, each with weight 1; `client-…-worst-decile` is the mean of the worst tenth of the clients, at
 * least one. For losses and errors the highest values are the worst, for other metrics the lowest. Plain counts, as those
 * of a confusion matrix, have only their sum. A metric with counts that some clients have no value of, such as an area of one
 * class, has its spread over the others.
 *
 * @param clients sorted by end: sums are taken in this order.
 */
export function evaluationSummary(clients: readonly ClientEvaluation[]): Record<string, number> {
  const counts = mergedCounts(clients.map((client) => client.counts ?? {}))
  const merged = valuesOfCounts(counts)
  const names = new Set(clients.flatMap(({ metrics }) => Object.keys(metrics)))
  const summary: Record<string, number> = {}
  for (const [name, value] of Object.entries(merged)) summary[`client-${name}`] = value
  for (const name of names) {
    if (counts[name]?.form === 'count') continue
    const having = clients.filter(({ metrics }) => Object.hasOwn(metrics, name))
    if (having.length < clients.length && !counts[name]) continue
    const samples = having.reduce((sum, client) => sum + client.samples, 0)
    const values = having.map(({ metrics }) => metrics[name] ?? Number.NaN)
    const weighted = having.reduce((sum, client, i) => sum + client.samples * (values[i] ?? Number.NaN), 0)
    const mean = meanOf(values)
    const ascending = values.toSorted((a, b) => a - b)
    const count = Math.max(1, Math.round(values.length / 10))
    const worst = /loss|error|perplexity/i.test(name) ? ascending.slice(-count) : ascending.slice(0, count)
    if (!counts[name]) summary[`client-${name}`] = weighted / samples
    summary[`client-${name}-spread`] = Math.sqrt(meanOf(values.map((value) => (value - mean) * (value - mean))))
    summary[`client-${name}-worst-decile`] = meanOf(worst)
  }
  return summary
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
