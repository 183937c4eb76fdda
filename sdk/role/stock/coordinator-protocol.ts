import { fieldsOf, isCount, isObject, isString, isStrings } from '../../../runtime/index.ts'
import { channelTagged } from '../role.ts'

/** For ends below an aggregator: the trainers that belong to each in a round. */
export type Pairs = Readonly<Record<string, readonly string[]>>

/** From the coordinator to an aggregator. */
export type CoordinatorMessage =
  /** Asks a middle or leaf aggregator whether it's there for the round. */
  | { readonly type: 'meta'; readonly round: number }
  /** The round's trainers of each end below. */
  | { readonly type: 'pairs'; readonly round: number; readonly pairs: Pairs }
  /** Grants an end to an asynchronous aggregator. Grants have increasing numbers. */
  | { readonly type: 'granted'; readonly number: number; readonly end: string }
  /** No end is there besides those that the aggregator doesn't want, whose number is `without`. */
  | { readonly type: 'none'; readonly without: number }

/** From an aggregator to the coordinator. */
export type CoordinatedMessage =
  /** From the top: has committed all rounds before, and asks for this round's pairs. */
  | { readonly type: 'ready'; readonly round: number }
  /** From a middle or leaf aggregator: is there for the round. */
  | { readonly type: 'meta'; readonly round: number /** Trainers that it counted last. */; readonly members: number }
  /** From an asynchronous aggregator: the ends that it holds and wants. Replaces its message before. */
  | {
      readonly type: 'seek'
      /** Number of the last grant that it has heard. */
      readonly seen: number
      /** The ends that it works with. It has given back the others that it has heard of. */
      readonly holds: readonly string[]
      /** Number of ends that it wants in all. */
      readonly most: number
      /** Ends that it doesn't want. */
      readonly without: readonly string[]
    }
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
  const { type, round, pairs, number, end, without } = fieldsOf(message)
  switch (type) {
    case 'meta':
      return isCount(round)
    case 'pairs':
      return isCount(round) && isPairs(pairs)
    case 'granted':
      return isCount(number) && isString(end)
    case 'none':
      return isCount(without)
    default:
      return false
  }
}

function isCoordinatedMessage(message: unknown): message is CoordinatedMessage {
  const { type, round, members } = fieldsOf(message)
  switch (type) {
    case 'ready':
      return isCount(round)
    case 'meta':
      return isCount(round) && isCount(members)
    case 'seek':
      return isSeek(message)
    case 'end':
      return true
    default:
      return false
  }
}

/** Whether an untrusted value says which ends an aggregator holds and wants. */
export function isSeek(value: unknown): boolean {
  const { seen, holds, most, without } = fieldsOf(value)
  return isCount(seen) && isStrings(holds) && isCount(most) && isStrings(without)
}
