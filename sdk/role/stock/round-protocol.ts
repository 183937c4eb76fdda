import type { LocalTerms, Update } from '../../learn/learner.ts'
import type { PartialSum } from '../../strategy/sum/accumulator.ts'
import type { MetricPartial } from '../../strategy/sum/metric-sum.ts'
import { has, isNumber, isObject, isOneOf, isString, isStrings } from '../guards.ts'
import { channelTagged } from '../role.ts'

/** From an aggregator to those below it. */
export type Assignment =
  | {
      readonly type: 'train'
      readonly round: number
      readonly weights: Float32Array
      readonly terms: LocalTerms
      /** Who trains; an aggregator passes it on to those of them that it has. */
      readonly selected: readonly string[]
    }
  | { readonly type: 'end-of-training' }

/** From a trainer, or from an aggregator for those below it, to the one above. */
export type Answer =
  | ({ readonly type: 'update'; readonly round: number } & Update)
  | {
      readonly type: 'partial'
      readonly round: number
      readonly sum: PartialSum
      readonly metrics: MetricPartial
      readonly members: readonly string[]
      readonly refusals: readonly Refusal[]
    }
  | { readonly type: 'failed'; readonly round: number; readonly code: string; readonly reason: string }

/** Why a selected end wasn't counted. */
export interface Refusal {
  readonly end: string
  readonly code: string
  readonly reason: string
}

/** What an aggregator says of itself to the one above: the ends that hold data below it. */
export const trainersProperty = 'trainers'

export const below = channelTagged<Assignment, Answer>(isAnswer, 'distribute', 'aggregate')

export const above = channelTagged<Answer, Assignment>(isAssignment, 'fetch', 'upload')

function isAnswer(message: unknown): message is Answer {
  if (!isOneOf(message, ['update', 'partial', 'failed']) || !has(message, 'round', isNumber)) return false
  switch (message.type) {
    case 'update':
      return (
        has(message, 'delta', (delta) => delta instanceof Float32Array) &&
        has(message, 'samples', isNumber) &&
        has(message, 'metrics', isObject)
      )
    case 'partial':
      return (
        has(message, 'sum', isObject) &&
        has(message, 'metrics', isObject) &&
        has(message, 'members', isStrings) &&
        has(message, 'refusals', Array.isArray)
      )
    case 'failed':
      return has(message, 'code', isString) && has(message, 'reason', isString)
  }
}

function isAssignment(message: unknown): message is Assignment {
  if (!isOneOf(message, ['train', 'end-of-training'])) return false
  return (
    message.type === 'end-of-training' ||
    (has(message, 'round', isNumber) &&
      has(message, 'weights', (weights) => weights instanceof Float32Array) &&
      has(message, 'terms', isObject) &&
      has(message, 'selected', isStrings))
  )
}
