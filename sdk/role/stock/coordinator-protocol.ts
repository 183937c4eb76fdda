import { fieldsOf, isCount, isObject, isStrings } from '../../../runtime/index.ts'
import { channelTagged } from '../role.ts'

/** For ends below an aggregator: the trainers that belong to each in a round. */
export type Pairs = Readonly<Record<string, readonly string[]>>

/** From the coordinator to an aggregator. */
export type CoordinatorMessage =
  /** Asks a middle or leaf aggregator whether it's there for the round. */
  | { readonly type: 'meta'; readonly round: number }
  /** The round's trainers of each end below. */
  | { readonly type: 'pairs'; readonly round: number; readonly pairs: Pairs }

/** From an aggregator to the coordinator. */
export type CoordinatedMessage =
  /** From the top: has committed all rounds before, and asks for this round's pairs. */
  | { readonly type: 'ready'; readonly round: number }
  /** From a middle or leaf aggregator: is there for the round. */
  | { readonly type: 'meta'; readonly round: number /** Trainers that it counted last. */; readonly members: number }
  /** From the top: the training is over. */
  | { readonly type: 'end' }

/** An aggregator's side. */
export const coordinated = channelTagged<CoordinatedMessage, CoordinatorMessage>(isCoordinatorMessage, 'coordinate')

/** The coordinator's side, by the other role. */
export const coordinating = {
  top: channelTagged<CoordinatorMessage, CoordinatedMessage>(isCoordinatedMessage, 'coordinateWithTopAgg'),
  middle: channelTagged<CoordinatorMessage, CoordinatedMessage>(isCoordinatedMessage, 'coordinateWithMidAgg'),
  leaf: channelTagged<CoordinatorMessage, CoordinatedMessage>(isCoordinatedMessage, 'coordinateWithLeafAgg'),
  trainer: channelTagged<CoordinatorMessage, CoordinatedMessage>(isCoordinatedMessage, 'coordinateWithTrainer'),
}

export function isPairs(value: unknown): value is Pairs {
  return isObject(value) && Object.values(value).every(isStrings)
}

function isCoordinatorMessage(message: unknown): message is CoordinatorMessage {
  const { type, round, pairs } = fieldsOf(message)
  return isCount(round) && (type === 'meta' || (type === 'pairs' && isPairs(pairs)))
}

function isCoordinatedMessage(message: unknown): message is CoordinatedMessage {
  const { type, round, members } = fieldsOf(message)
  if (type === 'end') return true
  return isCount(round) && (type === 'ready' || (type === 'meta' && isCount(members)))
}
