import { CodedError, isObject } from '../../../../runtime/index.ts'
import { partOfParty } from '../../../learn/learner.ts'
import { learnerError } from '../../../strategy/learner-needs.ts'
import { weightsHash } from '../../../weights/layout.ts'
import type { Channel } from '../../channel/channel.ts'
import { type RoleContext, role } from '../../role.ts'
import { type Attempt, isOf } from '../attempt.ts'
import { type CommonRows, commonRows, hashedEntities, requireUnique } from './alignment.ts'
import { partyError } from './party-errors.ts'
import { isTrainedPart, partyModel, type TrainedPart } from './party-model.ts'
import { roundPlan } from './round-plan.ts'
import {
  type FromFeatureHolder,
  type FromLabelHolder,
  type HolderState,
  holderProperty,
  labelHolderAbove,
  type Presentation,
} from './vertical-protocol.ts'

interface FeatureHolderState {
  readonly ended: boolean
  /** The last round whose part was published. */
  readonly published: number
  readonly alignment?: HolderAlignment
}

interface HolderAlignment extends CommonRows {
  readonly training: number
  readonly party: number
}

type LabelHolder = Channel<FromFeatureHolder, FromLabelHolder>
type FeatureHolderContext = RoleContext<{ readonly labelHolder: LabelHolder }>
type Message<Type extends FromLabelHolder['type']> = Extract<FromLabelHolder, { readonly type: Type }>

/**
 * Trains its part of a joint model on its own columns: sends the values of each batch to the label holder, and steps by
 * the gradient that comes back. It never sends weights. Its part after a round is durable before it says that it has
 * finished; it publishes the part when the label holder has committed the round.
 */
export const featureHolder = role({
  name: 'feature-holder',
  open: (channel) => ({ labelHolder: channel(labelHolderAbove) }),
  init: (): FeatureHolderState => ({ ended: false, published: 0 }),
  isState: (value): value is FeatureHolderState => isObject(value) && 'ended' in value && 'published' in value,
  // The label holder sends the end of training again.
  resume: (state) => ({ ...state, ended: false }),
  done: ({ ended }) => ended,

  async round(state, context) {
    const { labelHolder } = context.channels
    await labelHolder.awaitJoin()
    const [from = ''] = labelHolder.expected
    const aligned = state.alignment && { aligned: state.alignment.digest }
    const present: HolderState = { life: await context.life(), ...aligned }
    labelHolder.setProperty(holderProperty, present)
    const message = await nextMessage(from, context)
    try {
      return await handled(from, message, state, context)
    } catch (error) {
      // A task that is being stopped has not failed: it goes on where it is hosted next.
      if (context.signal.aborted || !(error instanceof CodedError)) throw error
      const { code, message: reason, hint } = error
      labelHolder.send(from, { type: 'failed', code, reason, hint })
      throw error
    }
  },
})

/** The next message, which isn't taken. ROLE_LABEL_HOLDER_LEFT where none will come. */
async function nextMessage(from: string, { end, channels }: FeatureHolderContext): Promise<FromLabelHolder> {
  const { labelHolder } = channels
  for (;;) {
    const message = labelHolder.peek(from)
    if (message) return message
    if (!labelHolder.has(from)) throw partyError('ROLE_LABEL_HOLDER_LEFT', { end, from })
    await labelHolder.changed()
  }
}

async function handled(
  from: string,
  message: FromLabelHolder,
  state: FeatureHolderState,
  context: FeatureHolderContext,
): Promise<FeatureHolderState> {
  const { labelHolder } = context.channels
  const isCounted = message.type === 'begin' || message.type === 'end-of-training'
  if (isCounted && message.counted !== undefined && message.counted > state.published)
    return publishedPart(message.counted, state, context)
  await labelHolder.recv(from)
  switch (message.type) {
    case 'want-key':
      labelHolder.send(from, { type: 'key', key: await ownKey(context) }, { keep: false })
      return state
    case 'present':
      labelHolder.send(from, await presented(from, message, context), { keep: false })
      return state
    case 'aligned':
      return { ...state, alignment: await alignedBy(message, context) }
    case 'begin':
      await trained(from, message, state, context)
      return state
    case 'end-of-training':
      return { ...state, ended: true }
    case 'gradient':
      return state
  }
}

/** Publishes the part after a round that the label holder has committed. */
async function publishedPart(
  round: number,
  state: FeatureHolderState,
  { end, own, publish, notice }: FeatureHolderContext,
): Promise<FeatureHolderState> {
  const part = await own.before(round + 1, round)
  if (isTrainedPart(part) && state.alignment) {
    publish({ round, section: state.alignment.party, weights: part.weights, members: [end], metrics: {} })
  } else
    notice({ code: 'ROLE_PART_LOST', message: `${end} has lost its part of round ${round}, and does not publish it` })
  return { ...state, published: round }
}

/** The key of the keyed hashes, if this holder is asked for it. */
async function ownKey({ secret }: FeatureHolderContext): Promise<Uint8Array> {
  const stream = await secret(0, 'key')
  return Uint8Array.from({ length: 32 }, () => stream.below(256))
}

/** The holder's ids. ROLE_IDS_TWICE. */
async function uniqueIds({ end, learner }: FeatureHolderContext): Promise<readonly string[]> {
  const ids = await learner.ids()
  requireUnique(end, ids)
  return ids
}

async function presented(
  from: string,
  { presentation, entities: given }: Message<'present'>,
  context: FeatureHolderContext,
): Promise<Extract<FromFeatureHolder, { readonly type: 'entities' }>> {
  const ids = await uniqueIds(context)
  if (presentation.method === 'hashed')
    return { type: 'entities', entities: hashedEntities(presentation.key, ids).entities }
  // Only these jobs need the group.
  const { blindedEntities, drawExponent, raisedEntities } = await context.outside(import('./private-intersection.ts'))
  const pause = () => context.sleep(0)
  const exponent = drawExponent(await context.secret(0, 'exponent'))
  const raised = await raisedEntities(given ?? new Uint8Array(), exponent, from, pause)
  const order = await presentedOrder(presentation, ids, context)
  return { type: 'entities', entities: await blindedEntities(ids, order, exponent, pause), raised }
}

/** The order in which this holder presents its entities: the same each time, so that positions mean the same. */
async function presentedOrder(
  presentation: Presentation,
  ids: readonly string[],
  { secret, outside }: FeatureHolderContext,
): Promise<Uint32Array> {
  if (presentation.method === 'hashed') return hashedEntities(presentation.key, ids).order
  const { drawOrder } = await outside(import('./private-intersection.ts'))
  return drawOrder(ids.length, await secret(0, 'order'))
}

/** @throws ROLE_ALIGNMENT_DIFFERS where the positions don't give the label holder's order. */
async function alignedBy(
  { presentation, positions, digest, training, party }: Message<'aligned'>,
  context: FeatureHolderContext,
): Promise<HolderAlignment> {
  const { end, job } = context
  const ids = await uniqueIds(context)
  const order = await presentedOrder(presentation, ids, context)
  const found = commonRows(
    job,
    ids,
    Array.from(positions, (position) => order[position] ?? -1),
  )
  if (found.digest !== digest)
    throw partyError('ROLE_ALIGNMENT_DIFFERS', { end, length: found.rows.length, expected: positions.length })
  return { ...found, training, party }
}

/** Runs the batches of a round, unless the label holder begins anew in between. */
async function trained(
  from: string,
  { round, attempt, counted }: Message<'begin'>,
  { alignment }: FeatureHolderState,
  context: FeatureHolderContext,
): Promise<void> {
  const { end, learner, own, channels } = context
  const { labelHolder } = channels
  // The label holder begins once all are aligned.
  if (!alignment) return
  const { rows, training, party } = alignment
  const { ownSteps } = learner
  if (!ownSteps) throw learnerError('stepwise')
  const model = partyModel(end, learner, party)
  const start = await own.before(round, counted)
  let part: TrainedPart = isTrainedPart(start) ? start : await model.begin()
  const plan = roundPlan({ common: rows.length, training }, ownSteps, context.jobRandom(round, 'batches'))
  for (const [batch, { rows: places, isTraining }] of plan.entries()) {
    const pass = {
      round,
      part: partOfParty(party),
      weights: model.forPass(part),
      of: { indices: places.map((place) => rows[place] ?? 0) },
      label: batch,
      training: isTraining,
    }
    const { values } = await learner.forward(pass)
    labelHolder.send(from, { type: 'activations', round, attempt, batch, values }, { keep: false })
    if (!isTraining) continue
    const reply = await gradientOf({ round, attempt, batch }, from, context)
    if (!reply) return
    const { gradient } = reply
    if (!gradient) continue
    if (gradient.length !== values.length || !gradient.every(Number.isFinite)) {
      const fault = `a gradient that is not of ${values.length} finite numbers, for batch ${batch} of round ${round}`
      throw partyError('ROLE_PARTY_VALUES', { end: from, fault })
    }
    part = model.stepped(part, (await learner.backward(pass, gradient)).gradient)
  }
  const digest = await context.outside(weightsHash(part.weights))
  await own.keep(round, part)
  labelHolder.send(
    from,
    { type: 'finished', round, attempt, digest, ...(own.isAnew && { isAnew: true }) },
    { keep: false },
  )
}

/** Takes the gradient of a batch. Undefined, and nothing taken, where the label holder has begun something else. */
async function gradientOf(
  asked: Attempt & { readonly batch: number },
  from: string,
  context: FeatureHolderContext,
): Promise<Message<'gradient'> | undefined> {
  for (;;) {
    const message = await nextMessage(from, context)
    if (message.type !== 'gradient') return undefined
    await context.channels.labelHolder.recv(from)
    if (isOf(asked, message) && message.batch === asked.batch) return message
  }
}
