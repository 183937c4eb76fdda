import { storeError } from '../errors.ts'

/** An append that waits for its turn. */
export interface Append {
  readonly bytes: Uint8Array
  readonly expected: number | undefined
  readonly resolve: (number: number) => void
  readonly reject: (cause: unknown) => void
}

export interface AppendPlan {
  readonly accepted: readonly Append[]
  /** Tells everyone: those accepted their number, the others that they expected another. */
  settle(): void
}

/** Which of some appends, in this order, are made if the journal's next number is this. */
export function planAppends(key: string, appends: readonly Append[], next: number): AppendPlan {
  const accepted: Append[] = []
  const settlements: (() => void)[] = []
  for (const append of appends) {
    const { expected, resolve, reject } = append
    const number = next + accepted.length
    if (expected === undefined || expected === number) {
      accepted.push(append)
      settlements.push(() => resolve(number))
    } else settlements.push(() => reject(storeError('STORE_VERSION', { key, present: number, expected })))
  }
  return {
    accepted,
    settle() {
      for (const tell of settlements) tell()
    },
  }
}
