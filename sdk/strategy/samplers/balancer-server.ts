import type { FinishedRound, Terms } from '../algorithm.ts'

/** Names of the metrics by which a client tells the server of its examples. */
export const balancerMetrics = {
  low: 'loss-low',
  high: 'loss-high',
  sampled: 'sampled-loss',
  epoch: 'epoch-seconds',
  epochs: 'epochs',
} as const

/** Durations of an end's last rounds, in seconds, the newest last. */
interface Durations {
  /** From the distribution to the answer. */
  readonly rounds: readonly number[]
  /** The part of these in which all epochs but one were trained. */
  readonly further: readonly number[]
}

export interface BalancerState {
  /** Share of the way from the least loss to the mean of the high ones at which the threshold lies. */
  lossRatio: number
  /** Share of the way from the deadline for one epoch to that for all at which the deadline lies. */
  deadlineRatio: number
  lossThreshold: number
  /** Absent until durations are known. */
  deadlineSeconds?: number
  /** Benefits of the rounds that had a deadline: the mean loss of the sampled examples by the second. */
  benefits: readonly number[]
  durations: Readonly<Record<string, Durations>>
}

export interface BalancerChoices {
  /** w: number of rounds between changes of the ratios. */
  readonly window: number
  /** lss */
  readonly lossStep: number
  /** dss */
  readonly deadlineStep: number
}

/** Number of an end's rounds whose durations count. */
const keptRounds = 5

export const balancerStart: BalancerState = {
  ...{ lossRatio: 0, deadlineRatio: 1, lossThreshold: 0 },
  ...{ benefits: [], durations: {} },
}

/** The thresholds for the clients of a round. */
export function balancerTerms({ lossThreshold, deadlineSeconds }: BalancerState): Terms {
  return { scalars: { lossThreshold, ...(deadlineSeconds !== undefined && { deadlineSeconds }) } }
}

/** Changes the state, in place, by a round's reports, and so the thresholds of the next round. */
export function balanceAfter(
  state: BalancerState,
  { reports }: Pick<FinishedRound, 'reports'>,
  { window, lossStep, deadlineStep }: BalancerChoices,
): void {
  const told = Object.values(reports).filter(({ metrics }) => metrics[balancerMetrics.sampled] !== undefined)
  if (told.length === 0) return
  if (state.deadlineSeconds !== undefined) {
    const loss = told.reduce((sum, { samples, metrics }) => sum + samples * metrics[balancerMetrics.sampled]!, 0)
    const samples = told.reduce((sum, each) => sum + each.samples, 0)
    state.benefits = [...state.benefits, loss / samples / state.deadlineSeconds]
  }
  const { length } = state.benefits
  if (length > 0 && length % window === 0 && length >= 2 * window) {
    const better = meanOf(state.benefits.slice(-2 * window, -window)) > meanOf(state.benefits.slice(-window)) ? 1 : -1
    state.lossRatio = within(state.lossRatio + better * lossStep)
    state.deadlineRatio = within(state.deadlineRatio - better * deadlineStep)
    // Only the next window is compared with this one.
    state.benefits = state.benefits.slice(-window)
  }
  state.durations = { ...state.durations, ...durationsWith(state.durations, reports) }
  const low = told.reduce((least, { metrics }) => Math.min(least, metrics[balancerMetrics.low]!), Infinity)
  const high = meanOf(told.map(({ metrics }) => metrics[balancerMetrics.high]!))
  state.lossThreshold = state.lossRatio === 0 ? 0 : low + (high - low) * state.lossRatio
  const ends = Object.values(state.durations)
  if (ends.length === 0) return
  const [one, all] = [
    bestDeadline(ends.map(({ rounds, further }) => meanOf(rounds) - meanOf(further))),
    bestDeadline(ends.map(({ rounds }) => meanOf(rounds))),
  ]
  state.deadlineSeconds = one + (all - one) * state.deadlineRatio
}

/** The whole number of seconds t with the most ends done by t, for each second; of equal ones the least. */
export function bestDeadline(seconds: readonly number[]): number {
  const ascending = seconds.map((each) => Math.max(1, Math.ceil(each))).toSorted((a, b) => a - b)
  let [best, rate] = [1, 0]
  for (const [index, deadline] of ascending.entries()) {
    if (ascending[index + 1] === deadline || (index + 1) / deadline <= rate) continue
    best = deadline
    rate = (index + 1) / deadline
  }
  return best
}

function durationsWith(
  known: BalancerState['durations'],
  reports: FinishedRound['reports'],
): Record<string, Durations> {
  return Object.fromEntries(
    Object.entries(reports).flatMap(([end, { seconds, metrics }]) => {
      const { [balancerMetrics.epoch]: epoch, [balancerMetrics.epochs]: epochs = 1 } = metrics
      if (epoch === undefined) return []
      const { rounds, further } = known[end] ?? { rounds: [], further: [] }
      const added = { rounds: [...rounds, seconds], further: [...further, (epochs - 1) * epoch] }
      return [[end, { rounds: added.rounds.slice(-keptRounds), further: added.further.slice(-keptRounds) }] as const]
    }),
  )
}

function within(ratio: number): number {
  return Math.min(1, Math.max(0, ratio))
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
