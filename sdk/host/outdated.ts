import { CodedError } from '../../runtime/index.ts'

/** Whether a store refused a write since another has written under the same key. */
export function isOutdated(cause: unknown): boolean {
  return cause instanceof CodedError && cause.code === 'STORE_VERSION'
}
