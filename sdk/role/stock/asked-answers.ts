import { fieldsOf, isCount, isNumbers, isString } from '../../../runtime/index.ts'
import type { Answer } from '../../strategy/algorithm.ts'
import { gatherEvaluations } from './aggregate.ts'
import type { Assignment, Refusal } from './round-protocol.ts'

/** The numbers that clients answer with. Clients that can't answer are left out, with one notice for all. */
export async function answersTo(
  query: Extract<Assignment, { type: 'tell' | 'query' }>,
  context: Parameters<typeof gatherEvaluations>[1],
): Promise<{ readonly answers: readonly Answer[]; readonly refusals: readonly Refusal[] }> {
  const { clients, refusals } = await gatherEvaluations(query, context)
  const [first] = refusals
  if (first) {
    const how = `${refusals.length} of ${query.selected.length} clients could not answer before round ${query.round}`
    context.notice({ code: first.code, message: `${how}, the first ${first.end}: ${first.reason}` })
  }
  return { answers: clients.map(({ end, samples, metrics: numbers }) => ({ end, samples, numbers })), refusals }
}

export function isTold(value: unknown): value is readonly Answer[] {
  return (
    Array.isArray(value) &&
    value.every((one) => {
      const { end, samples, numbers } = fieldsOf(one)
      return isString(end) && isCount(samples) && isNumbers(numbers)
    })
  )
}
