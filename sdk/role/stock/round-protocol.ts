import type { LocalTerms } from '../../learn/learner.ts'
import type { PartialSum } from '../../strategy/sum/accumulator.ts'
import { HeldDelta } from '../../strategy/sum/held-delta.ts'
import type { MetricPartial } from '../../strategy/sum/metric-sum.ts'
import type { HeldUpdate } from '../../training/training-pool.ts'
import { isNumber, isObject, isOneOf, isString, isStrings } from '../guards.ts'
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
  | ({ readonly type: 'update'; readonly round: number } & HeldUpdate)
  | {
      readonly type: 'partial'
      readonly round: number
      readonly sum: PartialSum
      readonly metrics: MetricPartial
      readonly members: readonly string[]
      readonly refusals: readonly Refusal[]
    }
  | {
      readonly type: 'failed'
      readonly round: number
      readonly code: string
      readonly reason: string
      readonly hint?: string
    }

/** Why a selected end wasn't counted. */
export interface Refusal {
  readonly end: string
  readonly code: string
  readonly reason: string
  /** What mends it. */
  readonly hint: string
}

/** What an aggregator says of itself to the one above: the ends that hold data below it. */
export const trainersProperty = 'trainers'

export const below = channelTagged<Assignment, Answer>(isAnswer, 'distribute', 'aggregate')

export const above = channelTagged<Answer, Assignment>(isAssignment, 'fetch', 'upload')

function isAnswer(message: unknown): message is Answer {
  if (!isOneOf(message, ['update', 'partial', 'failed'])) return false
  if (!('round' in message && isNumber(message.round))) return false
  switch (message.type) {
    case 'update':
      return (
        'delta' in message &&
        (message.delta instanceof Float32Array || message.delta instanceof HeldDelta) &&
        'samples' in message &&
        isNumber(message.samples) &&
        'metrics' in message &&
        isObject(message.metrics)
      )
    case 'partial':
      return (
        'sum' in message &&
        isObject(message.sum) &&
        'metrics' in message &&
        isObject(message.metrics) &&
        'members' in message &&
        isStrings(message.members) &&
        'refusals' in message &&
        Array.isArray(message.refusals)
      )
    case 'failed':
      return (
        'code' in message &&
        isString(message.code) &&
        'reason' in message &&
        isString(message.reason) &&
        (!('hint' in message) || isString(message.hint))
      )
  }
}

function isAssignment(message: unknown): message is Assignment {
  if (!isOneOf(message, ['train', 'end-of-training'])) return false
  if (message.type === 'end-of-training') return true
  return (
    'round' in message &&
    isNumber(message.round) &&
    'weights' in message &&
    message.weights instanceof Float32Array &&
    'terms' in message &&
    isObject(message.terms) &&
    'selected' in message &&
    // Not each of them: every trainer gets the list of all.
    Array.isArray(message.selected)
  )
}
