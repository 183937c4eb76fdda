import type { LocalTerms } from '../../learn/learner.ts'

/** The terms with their arrays in memory that all threads read: `share` answers with the same memory for the same array. */
export function sharedTerms(
  { dynamic, correction, ...numbers }: LocalTerms,
  share: (values: Float32Array) => SharedArrayBuffer,
): LocalTerms {
  return {
    ...numbers,
    ...(dynamic && {
      dynamic: { ...dynamic, ...(dynamic.gradient && { gradient: shared(dynamic.gradient, share) }) },
    }),
    ...(correction && { correction: shared(correction, share) }),
  }
}

function shared(values: Float32Array, share: (values: Float32Array) => SharedArrayBuffer): Float32Array {
  return values.buffer instanceof SharedArrayBuffer ? values : new Float32Array(share(values))
}
