import { mergedCounts, valuesOfCounts } from '../../learn/metric-values.ts'
import type { ClientEvaluation } from './round-protocol.ts'

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
