import {
  fieldsOf,
  isCount,
  isMissingOr,
  isNumber,
  isNumbers,
  isObject,
  isOneOf,
  isString,
  isStrings,
} from '../../../runtime/index.ts'
import { areMetricCounts, type MetricCounts } from '../../learn/metric-counts.ts'
import { areCounted, type CountedWork } from '../../registry/registry.ts'
import type { Contribution, Terms } from '../../strategy/algorithm.ts'
import type { RoundPartial } from '../../strategy/round-sum.ts'
import { HeldDelta, type SentVector } from '../../sum/accumulator.ts'
import { isScalarPartial, isWords } from '../../sum/exact-sums.ts'
import { isPartialSums, type PartialSums } from '../../sum/named-sums.ts'
import { isPackedVector } from '../../sum/packed-vector.ts'
import { channelTagged } from '../role.ts'

/** From an aggregator to the ends below. */
export type Assignment =
  | {
      readonly type: 'train'
      readonly round: number
      readonly weights: Float32Array
      readonly terms: Terms
      /** The trainers below an aggregator that are selected to train. Unused by trainers. */
      readonly selected: readonly string[]
      /** For each selected trainer the last round that counted it, if any. Only where clients keep own state. */
      readonly counted?: Readonly<Record<string, number>>
      /** The version of the weights. Only from asynchronous aggregators, whose rounds are dispatches. */
      readonly version?: number
      /** Tells a repeated request for the round apart. Only to trainers that sum in rings, which get all of `selected`. */
      readonly asked?: number
      /** Milliseconds that an aggregator waits for the ends below. Absent: no deadline. */
      readonly waitMs?: number
    }
  | {
      /** Asks clients to evaluate on their own held-out examples. */
      readonly type: 'evaluate'
      readonly round: number
      readonly weights: Float32Array
      /** The selected trainers, as for training. */
      readonly selected: readonly string[]
      /** As for training, up to this round. Only where clients evaluate models of their own. */
      readonly counted?: Readonly<Record<string, number>>
      readonly waitMs?: number
    }
  | {
      /**
       * Asks clients for numbers: `tell`, for those that the selector hears before it selects; `query`, for those that the
       * algorithm's server hears before a round's training.
       */
      readonly type: 'tell' | 'query'
      readonly round: number
      readonly weights: Float32Array
      readonly selected: readonly string[]
      readonly waitMs?: number
    }
  | { readonly type: 'end-of-training' }

/** From a trainer, or from an aggregator for the trainers below, to the end above. */
export type Answer =
  | {
      readonly type: 'contribution'
      readonly round: number
      readonly contribution: Contribution
      /** The client has lost its own state, and has started anew. */
      readonly isAnew?: true
    }
  | {
      readonly type: 'partial'
      readonly round: number
      readonly part: RoundPartial
      readonly refusals: readonly Refusal[]
      /** Of an asynchronous aggregator's buffer: the counted work in the order of arrival. */
      readonly arrivals?: readonly CountedWork[]
    }
  /** Another end of the ring has sent a partial sum that includes this one's contribution. */
  | { readonly type: 'covered'; readonly round: number }
  | {
      /** `told`: before a selection. `answered`: to a query. */
      readonly type: 'evaluated' | 'told' | 'answered'
      readonly round: number
      readonly clients: readonly ClientEvaluation[]
      readonly refusals: readonly Refusal[]
    }
  | {
      readonly type: 'failed'
      /** The kind of the failed assignment: a late failure of one kind doesn't answer an assignment of the other. */
      readonly asked: 'train' | 'evaluate' | 'tell' | 'query'
      readonly round: number
      readonly code: string
      readonly reason: string
      readonly hint?: string
    }

/** Means over the held-out examples of one client, or the numbers that it was asked for. */
export interface ClientEvaluation {
  readonly end: string
  readonly samples: number
  readonly metrics: Readonly<Record<string, number>>
  /** As `Evaluation.counts`. */
  readonly counts?: Readonly<Record<string, MetricCounts>>
}

/** Why a selected end wasn't counted. */
export interface Refusal {
  readonly end: string
  readonly code: string
  readonly reason: string
  /** How to mend the cause. */
  readonly hint: string
}

/** Property that an aggregator publishes upward: the data-holding ends below, sorted. */
export const trainersProperty = 'trainers'

/** Property that an aggregator publishes upward: number of levels of aggregators, including its own. */
export const levelsProperty = 'levels'

export const below = channelTagged<Assignment, Answer>(isAnswer, 'distribute', 'aggregate')

export const above = channelTagged<Answer, Assignment>(isAssignment, 'fetch', 'upload')

const answers = ['contribution', 'partial', 'covered', 'evaluated', 'told', 'answered', 'failed'] as const
const assignments = ['train', 'evaluate', 'tell', 'query', 'end-of-training'] as const

function isAnswer(message: unknown): message is Answer {
  if (!isOneOf(message, answers)) return false
  if (!('round' in message && isNumber(message.round))) return false
  switch (message.type) {
    case 'contribution':
      return 'contribution' in message && isContribution(message.contribution)
    case 'partial':
      return (
        'part' in message &&
        isRoundPartial(message.part) &&
        'refusals' in message &&
        Array.isArray(message.refusals) &&
        message.refusals.every(isRefusal) &&
        (!('arrivals' in message) || areCounted(message.arrivals))
      )
    case 'covered':
      return true
    case 'evaluated':
    case 'told':
    case 'answered':
      return (
        'clients' in message &&
        Array.isArray(message.clients) &&
        message.clients.every(isClientEvaluation) &&
        'refusals' in message &&
        Array.isArray(message.refusals) &&
        message.refusals.every(isRefusal)
      )
    case 'failed':
      return (
        'asked' in message &&
        ['train', 'evaluate', 'tell', 'query'].some((asked) => asked === message.asked) &&
        'code' in message &&
        isString(message.code) &&
        'reason' in message &&
        isString(message.reason) &&
        (!('hint' in message) || isString(message.hint))
      )
  }
}

export function isRoundPartial(value: unknown): value is RoundPartial {
  return isObject(value) && 'sums' in value && isPartialSums(value.sums) && isTally(value)
}

/** The parts of a round's sum besides its vectors: small, and never cut. */
export interface Tally extends Pick<RoundPartial, 'metrics' | 'members' | 'anew'> {
  readonly scalars?: PartialSums['scalars']
}

export function isTally(value: unknown): value is Tally {
  const { metrics, members, anew, scalars = {} } = fieldsOf(value)
  return (
    isObject(metrics) &&
    Object.values(metrics).every(isMetricPart) &&
    isStrings(members) &&
    isMissingOr(anew, isStrings) &&
    isObject(scalars) &&
    isScalarPartial(scalars)
  )
}

function isMetricPart(value: unknown): boolean {
  const { sum, samples } = fieldsOf(value)
  return isWords(sum) && isCount(samples) && samples > 0
}

function isClientEvaluation(value: unknown): value is ClientEvaluation {
  const { end, samples, metrics, counts = {} } = fieldsOf(value)
  const areCounts = isObject(counts) && Object.values(counts).every(areMetricCounts)
  return isString(end) && isCount(samples) && isNumbers(metrics) && areCounts
}

export function isRefusal(value: unknown): value is Refusal {
  const { end, code, reason, hint } = fieldsOf(value)
  return [end, code, reason, hint].every(isString)
}

function isTerms(value: unknown): value is Terms {
  return (
    isObject(value) &&
    (!('vectors' in value) || value.vectors === undefined || areArrays(value.vectors)) &&
    (!('scalars' in value) || value.scalars === undefined || isNumbers(value.scalars))
  )
}

function areArrays(value: unknown): boolean {
  return isObject(value) && Object.values(value).every((vector) => vector instanceof Float32Array)
}

function isContribution(value: unknown): value is Contribution {
  return (
    isObject(value) &&
    'vectors' in value &&
    isObject(value.vectors) &&
    'delta' in value.vectors &&
    Object.values(value.vectors).every(isSentVector) &&
    (!('scalars' in value) || isNumbers(value.scalars)) &&
    'weight' in value &&
    isNumber(value.weight) &&
    'samples' in value &&
    isNumber(value.samples) &&
    (!('steps' in value) || isNumber(value.steps)) &&
    'metrics' in value &&
    isObject(value.metrics)
  )
}

function isSentVector(value: unknown): value is SentVector {
  return value instanceof Float32Array || value instanceof HeldDelta || isPackedVector(value)
}

function isAssignment(message: unknown): message is Assignment {
  if (!isOneOf(message, assignments)) return false
  if (message.type === 'end-of-training') return true
  return (
    'round' in message &&
    isNumber(message.round) &&
    'weights' in message &&
    message.weights instanceof Float32Array &&
    (message.type !== 'train' || ('terms' in message && isTerms(message.terms))) &&
    'selected' in message &&
    isStrings(message.selected) &&
    (!('counted' in message) || isNumbers(message.counted)) &&
    (!('asked' in message) || isCount(message.asked)) &&
    (!('version' in message) || isCount(message.version)) &&
    (!('waitMs' in message) || isNumber(message.waitMs))
  )
}
