import { fieldsOf, isCount, isString } from '../../../../runtime/index.ts'
import type { Channel } from '../../channel/channel.ts'
import type { RoleContext } from '../../role.ts'
import { commonRows, entitiesOf, hashedEntities, positionsIn, requireUnique } from './alignment.ts'
import { partyError } from './party-errors.ts'
import { verticalSettings } from './party-model.ts'
import type { FromFeatureHolder, FromLabelHolder, Presentation } from './vertical-protocol.ts'

export type Holders = Channel<FromLabelHolder, FromFeatureHolder>
export type LabelHolderContext = RoleContext<{ readonly holders: Holders }>

/** The common entities, as the label holder knows them. */
export interface Alignment {
  readonly presentation: Presentation
  /** Indices of the label holder's own examples, in the common order. */
  readonly rows: Uint32Array
  readonly digest: string
  /** Number of entities to train on: the first ones. */
  readonly training: number
  /** By feature holder: which of the entities that it has presented are common. */
  readonly positions: Readonly<Record<string, Uint32Array>>
}

/** Entities of the label holder, matched with those of one feature holder. */
interface Match {
  readonly end: string
  /** Number of the holder's entities. */
  readonly size: number
  /** For each of the label holder's presented entities: the position among the holder's, or undefined. */
  readonly places: readonly (number | undefined)[]
}

/**
 * Finds the entities that all parties have, with one feature holder after the other. The digest of their order, and
 * their number, are a decision.
 *
 * @throws ROLE_IDS_TWICE, ROLE_NO_COMMON_ENTITIES, ROLE_NO_TRAINING_ENTITIES, ROLE_PARTY_FAILED, ROLE_PARTY_LEFT,
 *   ROLE_PARTY_VALUES, ROLE_ALIGNMENT_DIFFERS.
 */
export async function matchEntities(context: LabelHolderContext): Promise<Alignment> {
  const { end: self, job, learner, channels, strategy } = context
  const { holders } = channels
  const { alignment, heldOut } = verticalSettings(strategy)
  const ids = await learner.ids()
  requireUnique(self, ids)
  const names = holders.expected
  const { presentation, order, matches } =
    alignment === 'psi' ? await privately(ids, names, context) : await byHashes(ids, names, holders)
  const common = Array.from(order.keys()).filter((place) => matches.every(({ places }) => places[place] !== undefined))
  const { rows, digest } = commonRows(
    job,
    ids,
    common.map((place) => order[place] ?? 0),
  )
  const sizes = [`${self} ${ids.length}`, ...matches.map(({ end, size }) => `${end} ${size}`)].join(', ')
  if (rows.length === 0) throw partyError('ROLE_NO_COMMON_ENTITIES', { sizes })
  const training = rows.length - Math.floor(heldOut * rows.length)
  const made = { digest, length: rows.length }
  const decided = await context.decide('alignment', () => made, isOrder, { durable: true })
  if (decided.digest !== digest)
    throw partyError('ROLE_ALIGNMENT_DIFFERS', { end: self, length: rows.length, expected: decided.length })
  const positions = Object.fromEntries(
    matches.map(({ end, places }) => [end, Uint32Array.from(common, (place) => places[place] ?? 0)]),
  )
  return { presentation, rows, digest, training, positions }
}

async function byHashes(ids: readonly string[], names: readonly string[], holders: Holders) {
  const [first = ''] = names
  const { key } = await answered(holders, first, { type: 'want-key' }, (message) => message.type === 'key' && message)
  const presentation: Presentation = { method: 'hashed', key }
  const { order, entities } = hashedEntities(key, ids)
  const own = entitiesOf(entities)
  const matches: Match[] = []
  for (const end of names) {
    const answer = await answered(
      holders,
      end,
      { type: 'present', presentation },
      (message) => message.type === 'entities' && message,
    )
    const theirs = entitiesOf(answer.entities)
    matches.push({ end, size: theirs.length, places: positionsIn(own, theirs, end) })
  }
  return { presentation, order, matches }
}

async function privately(ids: readonly string[], names: readonly string[], context: LabelHolderContext) {
  const { channels, secret } = context
  // Only these jobs need the group.
  const { blindedEntities, drawExponent, drawOrder, raisedEntities } = await context.outside(
    import('./private-intersection.ts'),
  )
  const pause = () => context.sleep(0)
  const exponent = drawExponent(await secret(0, 'exponent'))
  const order = drawOrder(ids.length, await secret(0, 'order'))
  const entities = await blindedEntities(ids, order, exponent, pause)
  const presentation: Presentation = { method: 'psi' }
  const matches: Match[] = []
  for (const end of names) {
    const ask: FromLabelHolder = { type: 'present', presentation, entities }
    const answer = await answered(channels.holders, end, ask, (message) => message.type === 'entities' && message)
    const raised = answer.raised ?? new Uint8Array()
    if (raised.length !== entities.length)
      throw partyError('ROLE_PARTY_VALUES', { end, fault: `${raised.length} bytes for ${ids.length} entities` })
    const theirs = entitiesOf(await raisedEntities(answer.entities, exponent, end, pause))
    matches.push({ end, size: theirs.length, places: positionsIn(entitiesOf(raised), theirs, end) })
  }
  return { presentation, order, matches }
}

/** Sends a request, which a holder that restarts gets again, and takes the answer. Drops answers to other requests. */
async function answered<Answer>(
  holders: Holders,
  end: string,
  request: FromLabelHolder,
  answerOf: (message: FromFeatureHolder) => Answer | false,
): Promise<Answer> {
  holders.send(end, request)
  for (;;) {
    const arrival = holders.take((each) => each.end === end)
    if (arrival) {
      requireNoFailure(arrival)
      const answer = answerOf(arrival.message)
      if (answer) return answer
    } else if (holders.has(end)) await holders.changed()
    else throw partyError('ROLE_PARTY_LEFT', { end, when: 'before the common entities were found' })
  }
}

/** @throws ROLE_PARTY_FAILED for the message of a feature holder that can't go on. */
export function requireNoFailure({
  end,
  message,
}: {
  readonly end: string
  readonly message: FromFeatureHolder
}): void {
  if (message.type !== 'failed') return
  const { code, reason, hint } = message
  throw partyError('ROLE_PARTY_FAILED', { end, code, reason, hint })
}

function isOrder(value: unknown): value is { readonly digest: string; readonly length: number } {
  const { digest, length } = fieldsOf(value)
  return isString(digest) && isCount(length)
}
