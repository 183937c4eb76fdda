import type { Contribution, Terms } from '../../strategy/algorithm.ts'
import { HeldDelta, type PartialSum } from '../../sum/accumulator.ts'
import type { MetricPartial } from '../../sum/exact-sums.ts'
import { isNumber, isObject, isOneOf, isString, isStrings } from '../guards.ts'
import { channelTagged } from '../role.ts'

/** From an aggregator to those below it. */
export type Assignment =
  | {
      readonly type: 'train'
      readonly round: number
      readonly weights: Float32Array
      readonly terms: Terms
      /** Who trains; an aggregator passes it on to those of them that it has. */
      readonly selected: readonly string[]
    }
  | { readonly type: 'end-of-training' }

/** From a trainer, or from an aggregator for those below it, to the one above. */
export type Answer =
  | { readonly type: 'contribution'; readonly round: number; readonly contribution: Contribution }
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
  if (!isOneOf(message, ['contribution', 'partial', 'failed'])) return false
  if (!('round' in message && isNumber(message.round))) return false
  switch (message.type) {
    case 'contribution':
      return 'contribution' in message && isContribution(message.contribution)
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

function isContribution(value: unknown): value is Contribution {
  return (
    isObject(value) &&
    'vectors' in value &&
    isObject(value.vectors) &&
    'delta' in value.vectors &&
    Object.values(value.vectors).every((vector) => vector instanceof Float32Array || vector instanceof HeldDelta) &&
    (!('scalars' in value) || (isObject(value.scalars) && Object.values(value.scalars).every(isNumber))) &&
    'weight' in value &&
    isNumber(value.weight) &&
    'samples' in value &&
    isNumber(value.samples) &&
    (!('steps' in value) || isNumber(value.steps)) &&
    'metrics' in value &&
    isObject(value.metrics)
  )
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
