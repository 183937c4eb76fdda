import { fieldsOf, isCount, isMissingOr, isNumbers } from '../../../runtime/index.ts'
import { channelTagged } from '../role.ts'

/**
 * Between the ends of a graph. Of two neighbours, the one whose name sorts first answers the other's offer: an exchange is
 * decided by one end, so that both count each other or neither does.
 */
export type GossipMessage =
  /** Has trained; as the answering neighbour, takes offers. */
  | { readonly type: 'ready'; readonly round: number }
  /** To the answering neighbour: the model after the training of this round. */
  | {
      readonly type: 'offer'
      readonly round: number
      readonly weights: Float32Array
      /** Number of the exchange at the sender, where exchanges are numbered. */
      readonly number?: number
    }
  /** Has counted the offer of this round, and gives its own model in exchange. */
  | { readonly type: 'answer'; readonly round: number; readonly weights: Float32Array; readonly number?: number }
  /** Goes through this round without the receiver. */
  | { readonly type: 'apart'; readonly round: number }
  /** Has committed its exchange with the receiver of this round, and those before: asks for none of the models again. */
  | { readonly type: 'committed'; readonly round: number }
  /** To the recorder of the consensus: the model after this round, and the training of the round. */
  | ({ readonly type: 'model' } & GossipModel)
  /** Makes no further offers. */
  | { readonly type: 'over'; readonly round: number }
  /** From the recorder: the consensus of this round and those before is recorded. */
  | { readonly type: 'recorded'; readonly round: number }

/** The model of an end after a committed round. */
export interface GossipModel {
  readonly round: number
  readonly weights: Float32Array
  /** Number of examples of the round's training: the weight of its metrics. */
  readonly samples: number
  readonly metrics: Readonly<Record<string, number>>
}

export const gossipChannel = channelTagged<GossipMessage, GossipMessage>(isGossipMessage, 'gossip')

/** Property of an end that has nothing more to do: the last round whose consensus it knows to be recorded. */
export const closedProperty = 'closed'

export function isGossipModel(value: unknown): value is GossipModel {
  const { round, weights, samples, metrics } = fieldsOf(value)
  return isCount(round) && weights instanceof Float32Array && isCount(samples) && isNumbers(metrics)
}

function isGossipMessage(message: unknown): message is GossipMessage {
  const { type, round, weights, number } = fieldsOf(message)
  if (!isCount(round)) return false
  switch (type) {
    case 'ready':
    case 'apart':
    case 'committed':
    case 'recorded':
    case 'over':
      return true
    case 'offer':
    case 'answer':
      return weights instanceof Float32Array && isMissingOr(number, isCount)
    case 'model':
      return isGossipModel(message)
    default:
      return false
  }
}
