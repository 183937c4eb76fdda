import { metricSum } from '../sum/exact-sums.ts'
import type { Evaluation } from './learner.ts'
import { mergedCounts, valuesOfCounts } from './metric-values.ts'

/**
 * Joins the evaluations of parts: the mean of each metric over the parts that have the metric, or the metric of all
 * examples from its sums. A metric that isn't finite in some part isn't finite in the result.
 */
export function mergeEvaluations(parts: readonly Evaluation[]): Evaluation {
  const sum = metricSum()
  const notFinite: Record<string, number> = {}
  const counts = mergedCounts(parts.flatMap((part) => (part.counts ? [part.counts] : [])))
  for (const { samples, metrics: all, counts: own = {} } of parts) {
    const metrics = Object.fromEntries(Object.entries(all).filter(([name]) => !Object.hasOwn(own, name)))
    sum.add(samples, metrics)
    for (const [name, value] of Object.entries(metrics)) if (!Number.isFinite(value)) notFinite[name] ??= value
  }
  const whyNotFinite = parts.find((part) => part.whyNotFinite !== undefined)?.whyNotFinite
  return {
    samples: parts.reduce((total, part) => total + part.samples, 0),
    metrics: { ...sum.means(), ...notFinite, ...valuesOfCounts(counts) },
    ...(Object.keys(counts).length > 0 && { counts }),
    ...(whyNotFinite === undefined ? {} : { whyNotFinite }),
  }
}
