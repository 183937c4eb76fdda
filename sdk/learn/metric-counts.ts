import { fieldsOf, isNumber } from '../../runtime/index.ts'

/** How a metric's value comes from its sums. */
export type CountForm = (typeof countForms)[number]

const countForms = [
  'count',
  'ratio',
  'root',
  'exponential',
  'precision',
  'recall',
  'f1',
  'area',
  'determination',
] as const

/**
 * The sums from which a metric's value comes. Sums of parts, such as chunks of a test set or clients, are added: the value
 * is then that of all their examples together, and not a mean of values.
 */
export interface MetricCounts {
  readonly form: CountForm
  readonly sums: readonly number[]
}

/** Most sums of a metric: more come from none. */
export const mostSums = 4_096

export function areMetricCounts(value: unknown): value is MetricCounts {
  const { form, sums } = fieldsOf(value)
  return (
    countForms.some((known) => known === form) && Array.isArray(sums) && sums.length <= mostSums && sums.every(isNumber)
  )
}
