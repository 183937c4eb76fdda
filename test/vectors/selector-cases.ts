import { z } from 'zod'
import { balanceAfter, balancerMetrics, balancerStart } from '../../sdk/strategy/samplers/balancer-server.ts'
import {
  nextExploration,
  oortScores,
  pacedThreshold,
  preferredSeconds,
  statisticalUtility,
} from '../../sdk/strategy/selectors/oort-selector.ts'
import { highestLosses } from '../../sdk/strategy/selectors/remembering-selectors.ts'
import { numberOf, type VectorCase } from './cases.ts'

const numbers = z.array(z.number())
const shape = z.object({
  ends: z
    .array(z.object({ end: z.string(), utility: z.number(), seconds: z.number(), lastRound: z.number() }))
    .default([]),
  exploited: numbers.default([]),
  losses: numbers.default([]),
  rounds: z.number().default(0),
  candidates: z.array(z.string()).default([]),
})

/** What selectors compute of ends, as the parts that a job calls compute it. */
export function selection(given: VectorCase): Record<string, unknown> {
  const { ends, exploited, losses, rounds, candidates } = shape.parse(given.inputs)
  const column = (of: (end: (typeof ends)[number]) => number) => Float32Array.from(ends, of)
  const seconds = column((each) => each.seconds)
  const columns = { utility: column(({ utility }) => utility), seconds, last: column(({ lastRound }) => lastRound) }
  const threshold = numberOf(given, 'roundThreshold', 100)
  const pacer = { pacerStep: numberOf(given, 'pacerStep', 20), pacerDelta: numberOf(given, 'pacerDelta', 5) }
  const round = numberOf(given, 'round', 1)
  const { scoreOf } = oortScores(columns, { round, threshold, alpha: numberOf(given, 'alpha', 2) })
  const lossOf = new Map(candidates.map((end, index) => [end, losses[index] ?? 0]))
  return {
    preferredSeconds: preferredSeconds(seconds, threshold),
    scores: Object.fromEntries(ends.map(({ end }, row) => [end, scoreOf(row)])),
    thresholds: exploited.reduce<number[]>(
      (paced, _, index) => [...paced, pacedThreshold(paced.at(-1) ?? threshold, exploited.slice(0, index), pacer)],
      [],
    ),
    factors: explorations(rounds).filter((_, index) => index % 10 === 0),
    utility: statisticalUtility(losses),
    selected: highestLosses(candidates, numberOf(given, 'k', 1), (end) => lossOf.get(end) ?? 0).toSorted(),
  }
}

const balancerRounds = z.object({
  rounds: z.array(
    z.object({
      reports: z.array(
        z.object({
          end: z.string(),
          roundSeconds: z.number(),
          epochSeconds: z.number(),
          lossLow: z.number(),
          lossHigh: z.number(),
          lossSum: z.number(),
          count: z.number(),
        }),
      ),
    }),
  ),
})

/** FedBalancer's thresholds at the beginning of each round. */
export function balanced(given: VectorCase) {
  const { rounds } = balancerRounds.parse(given.inputs)
  const choices = {
    window: numberOf(given, 'w', 20),
    lossStep: numberOf(given, 'lss', 0.05),
    deadlineStep: numberOf(given, 'dss', 0.05),
  }
  const epochs = numberOf(given, 'epochs', 1)
  const state = structuredClone(balancerStart)
  return {
    rounds: rounds.map(({ reports }) => {
      const { lossThreshold, deadlineSeconds = null, lossRatio: ltr, deadlineRatio: ddlr } = state
      const told = reports.map(({ end, roundSeconds: seconds, count: samples, ...report }) => {
        const metrics = {
          [balancerMetrics.low]: report.lossLow,
          [balancerMetrics.high]: report.lossHigh,
          [balancerMetrics.sampled]: report.lossSum / samples,
          [balancerMetrics.epoch]: report.epochSeconds,
          [balancerMetrics.epochs]: epochs,
        }
        return [end, { samples, seconds, metrics }] as const
      })
      balanceAfter(state, { reports: Object.fromEntries(told) }, choices)
      return { lossThreshold, deadlineSeconds, ltr, ddlr }
    }),
  }
}

function explorations(rounds: number): number[] {
  const found: number[] = []
  for (let round = 0; round < rounds; round++) found.push(nextExploration(found.at(-1) ?? 0.9))
  return found
}
