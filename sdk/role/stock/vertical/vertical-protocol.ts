import { fieldsOf, isCount, isMissingOr, isString } from '../../../../runtime/index.ts'
import { channelTagged } from '../../role.ts'
import { type Attempt, isAttempt } from '../attempt.ts'
import { entityBytes } from './alignment.ts'

/** How a feature holder presents its entities. A list of positions counts the entities in the order of this presentation. */
export type Presentation =
  | { readonly method: 'hashed' /** The key that all parties share. */; readonly key: Uint8Array }
  | { readonly method: 'psi' }

/** From the label holder to a feature holder. */
export type FromLabelHolder =
  /** Asks for the key of keyed hashes. */
  | { readonly type: 'want-key' }
  /** Asks for the holder's entities. With `psi`: `entities` are the label holder's, blinded, to be blinded once more. */
  | { readonly type: 'present'; readonly presentation: Presentation; readonly entities?: Uint8Array }
  /** These of the presented entities are common to all parties. */
  | {
      readonly type: 'aligned'
      readonly presentation: Presentation
      readonly positions: Uint32Array
      readonly digest: string
      /** Number of the common entities to train on: the first ones of the common order. */
      readonly training: number
      /** The holder's number among the parties, from 1. */
      readonly party: number
    }
  /** All parties run the round from its first batch. */
  | (Attempt & {
      readonly type: 'begin'
      /** The last round that counted this holder: its part of that round is where it begins. */
      readonly counted?: number
    })
  /** Of the loss, with respect to the values of a batch. Absent: the batch went on without them, and moves no weight. */
  | (Attempt & { readonly type: 'gradient'; readonly batch: number; readonly gradient?: Float32Array })
  | { readonly type: 'end-of-training'; readonly counted?: number }

/** From a feature holder to the label holder. */
export type FromFeatureHolder =
  | { readonly type: 'key'; readonly key: Uint8Array }
  | {
      readonly type: 'entities'
      readonly entities: Uint8Array
      /** With `psi`: the label holder's entities, blinded once more, in its order. */
      readonly raised?: Uint8Array
    }
  /** Values of the holder's part for a batch. Batches of the training come first, then those of the evaluation. */
  | (Attempt & { readonly type: 'activations'; readonly batch: number; readonly values: Float32Array })
  /** Has finished the round, and keeps its part, durably. */
  | (Attempt & {
      readonly type: 'finished'
      /** Hash of the part's weights. */
      readonly digest: string
      /** The holder has lost its part, and has started anew. */
      readonly isAnew?: true
    })
  | { readonly type: 'failed'; readonly code: string; readonly reason: string; readonly hint: string }

/** Property of a feature holder: its life, and the common order for which it is ready. */
export const holderProperty = 'holder'

export interface HolderState {
  /** See `RoleContext.life`: in a later life, it has lost what it was training. */
  readonly life: number
  /** Digest of the order. Absent until it is aligned. */
  readonly aligned?: string
}

export const holdersBelow = channelTagged<FromLabelHolder, FromFeatureHolder>(
  isFromFeatureHolder,
  'matchEntities',
  'gatherActivations',
)

export const labelHolderAbove = channelTagged<FromFeatureHolder, FromLabelHolder>(
  isFromLabelHolder,
  'presentEntities',
  'sendActivations',
)

export function isHolderState(value: unknown): value is HolderState {
  const { life, aligned } = fieldsOf(value)
  return isCount(life) && isMissingOr(aligned, isString)
}

function isFromLabelHolder(message: unknown): message is FromLabelHolder {
  const { type, ...fields } = fieldsOf(message)
  switch (type) {
    case 'want-key':
      return true
    case 'present':
      return isPresentation(fields.presentation) && isMissingOr(fields.entities, isEntities)
    case 'aligned': {
      const { presentation, positions, digest, training, party } = fields
      const isList = positions instanceof Uint32Array && isCount(training) && training <= positions.length
      return isPresentation(presentation) && isList && isString(digest) && isCount(party) && party > 0
    }
    case 'begin':
      return isAttempt(message) && isMissingOr(fields.counted, isCount)
    case 'gradient':
      return isAttempt(message) && isCount(fields.batch) && isMissingOr(fields.gradient, isFloats)
    case 'end-of-training':
      return isMissingOr(fields.counted, isCount)
    default:
      return false
  }
}

function isFromFeatureHolder(message: unknown): message is FromFeatureHolder {
  const { type, ...fields } = fieldsOf(message)
  switch (type) {
    case 'key':
      return fields.key instanceof Uint8Array && fields.key.length === entityBytes
    case 'entities':
      return isEntities(fields.entities) && isMissingOr(fields.raised, isEntities)
    case 'activations':
      return isAttempt(message) && isCount(fields.batch) && isFloats(fields.values)
    case 'finished':
      return isAttempt(message) && isString(fields.digest) && (fields.isAnew === undefined || fields.isAnew === true)
    case 'failed':
      return [fields.code, fields.reason, fields.hint].every(isString)
    default:
      return false
  }
}

function isPresentation(value: unknown): value is Presentation {
  const { method, key } = fieldsOf(value)
  return method === 'psi' || (method === 'hashed' && key instanceof Uint8Array)
}

/** Whole entities. */
function isEntities(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array && value.length % entityBytes === 0
}

function isFloats(value: unknown): value is Float32Array {
  return value instanceof Float32Array
}
