import type { Supervision } from './protocol.ts'

/** The restarts of an actor so far. */
export interface FaultHistory {
  /** Number of all restarts. */
  count: number
  /** Times of the restarts within the window. */
  timesMs: number[]
}

export type Verdict =
  | { readonly type: 'resume' | 'stop' | 'escalate' }
  | { readonly type: 'restart'; readonly delayMs: number }

const defaultSupervision: Supervision = { type: 'restart', max: 3, withinMs: 10_000 }

/** Decides the effect of a fault on an actor. Notes a restart in the history. */
export function supervise(policy: Supervision = defaultSupervision, history: FaultHistory, nowMs: number): Verdict {
  if (policy.type !== 'restart') return { type: policy.type }
  const { max, withinMs, backOff } = policy
  const recent = history.timesMs.filter((time) => time > nowMs - withinMs)
  if (recent.length >= max) return { type: 'escalate' }
  history.timesMs = [...recent, nowMs]
  history.count += 1
  const delayMs = backOff ? Math.min(backOff.limitMs, backOff.firstMs * 2 ** recent.length) : 0
  return { type: 'restart', delayMs }
}
