import { fieldsOf, isCount, isMissingOr, isNumbers, isObject, isString, isStrings } from '../../../runtime/index.ts'
import type { RoundPartial } from '../../strategy/round-sum.ts'
import type { CutSums } from '../../sum/cut-sums.ts'
import { isPartialSum } from '../../sum/named-sums.ts'
import { channelTagged } from '../role.ts'
import { isRoundPartial, isTally, type Tally } from './round-protocol.ts'

/** The ends that reduce in a round, in the ring's order, and the parts of their sum that aren't cut. */
export interface Agreement {
  /** Greater than 0, and of no other committer of the round. */
  readonly attempt: number
  readonly ring: readonly string[]
  readonly tally: Tally
}

/** The model after a committed round, for an end that lacks it. */
export interface RingModel {
  readonly weights: Float32Array
  /** State of the algorithm's server part. */
  readonly server: unknown
  /** The end that has published the round. */
  readonly committer: string
  readonly members: readonly string[]
  /** Members that have lost their own state, and started anew. Absent where none has. */
  readonly anew?: readonly string[]
  readonly metrics: Readonly<Record<string, number>>
}

/**
 * Between the ends of a ring. The committer is the first of those that are ready; it decides who reduces, anew when one
 * of these leaves, and when the round is committed. An attempt with a higher number supersedes those before it.
 */
export type RingMessage =
  /** To all: has trained, and waits. `attempt` is the last one that it has accepted, 0 at first. */
  | {
      readonly type: 'ready'
      readonly round: number
      readonly attempt: number
      /** The attempt of which it has the whole sum, if any. */
      readonly done?: number
      readonly tally: Tally
    }
  /** From the committer: these ends reduce. */
  | ({ readonly type: 'agree'; readonly round: number } & Agreement)
  /** To the next end in the ring: a part of the vectors' sums. */
  | {
      readonly type: 'part'
      readonly round: number
      readonly attempt: number
      /** 0 … P − 2 to reduce, P − 1 … 2P − 3 to gather, in a ring of P ends. */
      readonly step: number
      readonly vectors: CutSums
    }
  /** To the committer: has the whole sum of this attempt, and accepts no further one in this round. */
  | { readonly type: 'done'; readonly round: number; readonly attempt: number }
  /** To an end that may have the sum of this round, or has committed the round. One that has neither says that it waits. */
  | { readonly type: 'want'; readonly round: number }
  | { readonly type: 'sum'; readonly round: number; readonly attempt: number; readonly part: RoundPartial }
  /** From the committer: the sum of this attempt is that of the round. */
  | {
      readonly type: 'commit'
      readonly round: number
      readonly attempt: number
      readonly members: readonly string[]
    }
  /** To an end that is behind: the model after this committed round. */
  | { readonly type: 'model'; readonly round: number; readonly model: RingModel }

export const ringChannel = channelTagged<RingMessage, RingMessage>(isRingMessage, 'ring_allreduce')

export function isAgreement(value: unknown): value is Agreement {
  const { attempt, ring, tally } = fieldsOf(value)
  return isCount(attempt) && attempt > 0 && isStrings(ring) && isTally(tally)
}

function isRingModel(value: unknown): value is RingModel {
  const { weights, committer, members, anew, metrics } = fieldsOf(value)
  if (!(weights instanceof Float32Array) || !isString(committer)) return false
  return isStrings(members) && isMissingOr(anew, isStrings) && isNumbers(metrics)
}

function isRingMessage(message: unknown): message is RingMessage {
  const { type, round, attempt, ...fields } = fieldsOf(message)
  if (!isCount(round)) return false
  if (type === 'want') return true
  if (type === 'model') return isRingModel(fields.model)
  if (!isCount(attempt)) return false
  switch (type) {
    case 'ready':
      return isTally(fields.tally) && (fields.done === undefined || isCount(fields.done))
    case 'agree':
      return isAgreement(message)
    case 'part':
      return isCount(fields.step) && isObject(fields.vectors) && Object.values(fields.vectors).every(isPartialSum)
    case 'done':
      return true
    case 'sum':
      return isRoundPartial(fields.part)
    case 'commit':
      return isStrings(fields.members)
    default:
      return false
  }
}
