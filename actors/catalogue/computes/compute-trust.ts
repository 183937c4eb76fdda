import type { ComputeRecord, TaskRecord } from '../../records/record-models.ts'

/**
 * Administrators whose computes may run everybody's tasks, where callers are asked for a token. Undefined where nobody is
 * asked: then there is nobody to tell one administrator from another, and any compute may run any task.
 */
export type TrustedAdmins = readonly string[] | undefined

/** Who owns a dataset, and whose computes may have its tasks besides the owner's. */
export interface DatasetOwner {
  readonly userId: string
  readonly computeAdmins?: readonly string[]
}

type TrustedFields = Pick<ComputeRecord, 'adminId' | 'vouched'>

/** Whether a compute may have an owner's tasks: its administrator is the owner, or is trusted by the owner or the server. */
export function isTrusted(
  admins: TrustedAdmins,
  { adminId, vouched }: TrustedFields,
  { userId, computeAdmins = [] }: DatasetOwner,
): boolean {
  if (!admins || vouched) return true
  return [userId, ...admins, ...computeAdmins].includes(adminId)
}

/**
 * Whether a compute may have a task's key. The task remembers the administrator that was allowed when it was planned: a compute
 * that somebody else registers later under the same id is another one.
 */
export function mayRun(
  admins: TrustedAdmins,
  compute: TrustedFields,
  { computeAdmin }: Pick<TaskRecord, 'computeAdmin'>,
  userId: string,
): boolean {
  return compute.adminId === computeAdmin || isTrusted(admins, compute, { userId })
}
