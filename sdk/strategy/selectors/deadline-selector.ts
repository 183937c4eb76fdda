import type { Selector } from '../algorithm.ts'
import { drawn } from './draws.ts'

/** The times that an end takes, in seconds. */
export interface EndTimes {
  readonly end: string
  /** Training, which ends do at the same time. */
  readonly training: number
  /** Upload, which ends do one after another. */
  readonly upload: number
}

/**
 * The ends that FedCS selects, sorted: again and again the end that adds the least time to the round, of equal ones the
 * first, while the round ends by the deadline. Θ is the end of the last upload: an end adds max(0, training − Θ) + upload.
 */
export function endsInTime(times: readonly EndTimes[], deadlineSeconds: number): readonly string[] {
  const left = times.toSorted((a, b) => (a.end < b.end ? -1 : 1))
  const selected: string[] = []
  let finish = 0
  while (left.length > 0) {
    const added = left.map(({ training, upload }) => Math.max(0, training - finish) + upload)
    const least = added.reduce((best, time, index) => (time < added[best]! ? index : best), 0)
    const [next] = left.splice(least, 1)
    if (!next || finish + added[least]! > deadlineSeconds) continue
    finish += added[least]!
    selected.push(next.end)
  }
  return selected.toSorted()
}

/**
 * FedCS: of the candidates as many as are expected to finish by a deadline, by the time that each took when it was last
 * counted. An end that hasn't been counted yet is expected to take no time, so that its time becomes known. If no
 * candidate would be in time, the fastest one is selected.
 *
 * The paper asks ends for their times of training and of upload; here a fixed share of the whole time is the upload's.
 *
 * @see Nishio, Yonetani, Client Selection for Federated Learning with Heterogeneous Resources in Mobile Edge, ICC 2019,
 *   algorithm 3.
 */
export function deadlineSelector({
  deadlineSeconds,
  candidates = Number.POSITIVE_INFINITY,
  uploadShare,
}: {
  readonly deadlineSeconds: number
  readonly candidates?: number | undefined
  readonly uploadShare: number
}): Selector<Readonly<Record<string, number>>> {
  return {
    select(ends, random, seconds = {}) {
      const asked = candidates < ends.length ? drawn(ends, candidates, random) : ends
      const times = asked.map((end) => {
        const whole = seconds[end] ?? 0
        return { end, training: (1 - uploadShare) * whole, upload: uploadShare * whole }
      })
      const selected = endsInTime(times, deadlineSeconds)
      if (selected.length > 0) return selected
      return asked.toSorted((a, b) => (seconds[a] ?? 0) - (seconds[b] ?? 0)).slice(0, 1)
    },
    remember: (seconds = {}, { reports }) => ({
      ...seconds,
      ...Object.fromEntries(Object.entries(reports).map(([end, report]) => [end, report.seconds])),
    }),
  }
}
