import { fieldsOf, isString } from '../../runtime/index.ts'
import type { NotCounted } from './role.ts'

const reasons: readonly unknown[] = ['refused', 'gone', 'late'] satisfies NotCounted['reason'][]

/** Whether an untrusted value says of ends why a round doesn't count them. */
export function isNotCounted(value: unknown): value is readonly NotCounted[] {
  return Array.isArray(value) && value.every(isOne)
}

function isOne(value: unknown): boolean {
  const { end, reason, code } = fieldsOf(value)
  return isString(end) && reasons.includes(reason) && (code === undefined || isString(code))
}
