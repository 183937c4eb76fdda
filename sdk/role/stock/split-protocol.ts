import { fieldsOf, isCount, isMissingOr, isNumber, isNumbers, isString, isStrings } from '../../../runtime/index.ts'
import { channelTagged } from '../role.ts'
import { type Attempt, isAttempt } from './attempt.ts'
import { isRefusal, type Refusal } from './round-protocol.ts'

/** From the aggregator to a client. */
export type BottomAssignment =
  /** Trains with the server. `weights` are those of the clients' parts. */
  (Attempt & { readonly type: 'train'; readonly weights: Float32Array }) | { readonly type: 'end-of-training' }

/** From a client to the aggregator. */
export type BottomAnswer =
  | (Attempt & {
      readonly type: 'contribution'
      /** How far the weights of the client's parts have moved. */
      readonly delta: Float32Array
      readonly samples: number
      readonly metrics: Readonly<Record<string, number>>
    })
  | (Attempt & { readonly type: 'failed'; readonly code: string; readonly reason: string; readonly hint: string })

/** From the aggregator to the server of the upper part. */
export type TopRequest =
  /** These clients train, where they do so in turns in this order. `weights` are those of the server's part. */
  | (Attempt & { readonly type: 'begin'; readonly order: readonly string[]; readonly weights: Float32Array })
  /** These clients are counted, each with this weight. */
  | (Attempt & { readonly type: 'close'; readonly members: Readonly<Record<string, number>> })
  | { readonly type: 'end-of-training' }

/** From the server of the upper part to the aggregator. */
export type TopAnswer =
  /** How far the weights of the server's part have moved by the training of the counted clients, and no others. */
  | (Attempt & { readonly type: 'top'; readonly delta: Float32Array })
  /** There is no such part: the round begins again, without the refused clients. */
  | (Attempt & { readonly type: 'again'; readonly refusals: readonly Refusal[] })

/** Names a batch of a client's training, from 0. */
interface Batch extends Attempt {
  readonly batch: number
}

/** From a client to the server. Batch 0 begins the client's training anew. */
export type SplitRequest =
  | (Batch & {
      readonly type: 'values'
      /** Outputs of the client's first part, example by example. */
      readonly values: Float32Array
      readonly examples: number
      /** One for each example. Absent: they stay with the client, which gets the outputs and sends their gradient. */
      readonly labels?: Float32Array
      /** No further batch follows. */
      readonly isLast: boolean
    })
  | (Batch & { readonly type: 'gradient'; readonly gradient: Float32Array })
  /** The client's training has failed. */
  | (Attempt & { readonly type: 'withdrawn' })

/** From the server to a client. */
export type SplitReply =
  | (Batch & { readonly type: 'outputs'; readonly values: Float32Array })
  /** Of the loss, with respect to the values that the client has sent. */
  | (Batch & { readonly type: 'gradient'; readonly gradient: Float32Array; readonly loss?: number })
  | (Batch & { readonly type: 'failed'; readonly code: string; readonly reason: string; readonly hint: string })

/** Property that the server publishes to the aggregator: its life. In another life it has lost what it was training. */
export const lifeProperty = 'life'

export const bottomsBelow = channelTagged<BottomAssignment, BottomAnswer>(isBottomAnswer, 'distribute', 'aggregate')
export const bottomsAbove = channelTagged<BottomAnswer, BottomAssignment>(isBottomAssignment, 'fetch', 'upload')
export const topBelow = channelTagged<TopRequest, TopAnswer>(isTopAnswer, 'gatherTop')
export const topAbove = channelTagged<TopAnswer, TopRequest>(isTopRequest, 'uploadTop')
export const splitBelow = channelTagged<SplitReply, SplitRequest>(isSplitRequest, 'serveSplit')
export const splitAbove = channelTagged<SplitRequest, SplitReply>(isSplitReply, 'trainSplit')

function isBottomAssignment(message: unknown): message is BottomAssignment {
  const { type, weights } = fieldsOf(message)
  return type === 'end-of-training' || (type === 'train' && isAttempt(message) && weights instanceof Float32Array)
}

function isBottomAnswer(message: unknown): message is BottomAnswer {
  const { type, delta, samples, metrics } = fieldsOf(message)
  if (!isAttempt(message)) return false
  if (type === 'failed') return isFailure(message)
  return type === 'contribution' && delta instanceof Float32Array && isCount(samples) && isNumbers(metrics)
}

function isTopRequest(message: unknown): message is TopRequest {
  const { type, order, weights, members } = fieldsOf(message)
  if (type === 'end-of-training') return true
  if (!isAttempt(message)) return false
  return type === 'close' ? isNumbers(members) : type === 'begin' && isStrings(order) && weights instanceof Float32Array
}

function isTopAnswer(message: unknown): message is TopAnswer {
  const { type, delta, refusals } = fieldsOf(message)
  if (!isAttempt(message)) return false
  if (type === 'top') return delta instanceof Float32Array
  return type === 'again' && Array.isArray(refusals) && refusals.every(isRefusal)
}

function isSplitRequest(message: unknown): message is SplitRequest {
  const { type, batch, values, examples, labels, isLast, gradient } = fieldsOf(message)
  if (!isAttempt(message)) return false
  if (type === 'withdrawn') return true
  if (!isCount(batch)) return false
  if (type === 'gradient') return gradient instanceof Float32Array
  const isValues = type === 'values' && values instanceof Float32Array && typeof isLast === 'boolean'
  return isValues && isCount(examples) && (labels === undefined || labels instanceof Float32Array)
}

function isSplitReply(message: unknown): message is SplitReply {
  const { type, batch, values, gradient, loss } = fieldsOf(message)
  if (!isAttempt(message) || !isCount(batch)) return false
  if (type === 'outputs') return values instanceof Float32Array
  if (type === 'failed') return isFailure(message)
  return type === 'gradient' && gradient instanceof Float32Array && isMissingOr(loss, isNumber)
}

function isFailure(message: unknown): boolean {
  const { code, reason, hint } = fieldsOf(message)
  return [code, reason, hint].every(isString)
}
