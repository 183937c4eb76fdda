import { fieldsOf, isCount, isNumbers, isString, isStrings } from '../../../runtime/index.ts'
import type { Arrival, Channel } from '../channel/channel.ts'
import { isNotCounted } from '../not-counted.ts'
import type { NotCounted, RoleContext, RoundRecord } from '../role.ts'
import { closedProperty, type GossipMessage, type GossipModel, isGossipModel } from './gossip-protocol.ts'

/** A model that an end has given to neighbours, until they have committed the exchange. */
export interface Given {
  /** Of the end that offered. */
  readonly round: number
  /** Number of the exchange at this end, where exchanges are numbered. */
  readonly number?: number
  readonly weights: Float32Array
  /** Neighbours that have counted the model. */
  readonly together: readonly string[]
  /** Neighbours that were told that the round goes on without them. */
  readonly apart: readonly string[]
}

/** A model whose consensus isn't known to be recorded. */
export interface Unrecorded {
  readonly model: GossipModel
  /** The recorder that has been told of the model. */
  readonly to?: string
}

/** The duties of an end to others, which it keeps over restarts, its own and theirs. */
export interface Debts {
  /** Number of committed rounds. */
  readonly round: number
  readonly given: readonly Given[]
  readonly unrecorded: readonly Unrecorded[]
  /** The last round whose consensus is known to be recorded. */
  readonly recorded: number
  /** By end: the last exchange with it that is committed, by the number of the end that offered. */
  readonly exchanged: Readonly<Record<string, number>>
  /** By end: the last exchange that it has said to have committed. An end that begins anew hears this ahead of time. */
  readonly acknowledged: Readonly<Record<string, number>>
  /** The ends of the exchanges that were committed last. */
  readonly latest: readonly string[]
  /**
   * The news that others may not have heard: that exchanges are committed; that a consensus is recorded; or, after a
   * restart, any news.
   */
  readonly untold: 'nothing' | 'exchanges' | 'consensus' | 'all'
}

export type GossipChannel = Channel<GossipMessage, GossipMessage>
export type GossipContext = RoleContext<{ readonly gossip: GossipChannel }>

export const noDebts: Debts = {
  round: 0,
  given: [],
  unrecorded: [],
  recorded: 0,
  exchanged: {},
  acknowledged: {},
  latest: [],
  untold: 'nothing',
}

export function isDebts(value: unknown): value is Debts {
  const { round, given, unrecorded, recorded, exchanged, acknowledged, latest, untold } = fieldsOf(value)
  return (
    isCount(round) &&
    Array.isArray(given) &&
    given.every(isGiven) &&
    Array.isArray(unrecorded) &&
    unrecorded.every(isUnrecorded) &&
    isCount(recorded) &&
    isNumbers(exchanged) &&
    isNumbers(acknowledged) &&
    isStrings(latest) &&
    isString(untold)
  )
}

function isGiven(value: unknown): value is Given {
  const { round, weights, together, apart } = fieldsOf(value)
  return isCount(round) && weights instanceof Float32Array && isStrings(together) && isStrings(apart)
}

function isUnrecorded(value: unknown): value is Unrecorded {
  const { model, to } = fieldsOf(value)
  return isGossipModel(model) && (to === undefined || isString(to))
}

/** Whether an end may still do its part: it has neither left nor closed. */
export function isThere(end: string, gossip: GossipChannel): boolean {
  return gossip.has(end) && gossip.property(end, closedProperty) === undefined
}

/** Why these ends have no part in a round, as a decision of this name. Nothing where there are none. */
export async function withoutPart(
  ends: readonly string[],
  name: string,
  { channels: { gossip }, decide }: GossipContext,
): Promise<Pick<RoundRecord, 'notCounted'>> {
  if (ends.length === 0) return {}
  const reasons = (): NotCounted[] => ends.map((end) => ({ end, reason: isThere(end, gossip) ? 'late' : 'gone' }))
  return { notCounted: await decide(name, reasons, isNotCounted) }
}

/** The end that records the consensus: the first that is there. */
export function recorderOf({ end: self, channels: { gossip } }: GossipContext): string {
  return gossip.ends().find((end) => end < self && isThere(end, gossip)) ?? self
}

/** Tells the recorder of models that it hasn't been told of. */
export function tellRecorder(unrecorded: readonly Unrecorded[], context: GossipContext): readonly Unrecorded[] {
  const recorder = recorderOf(context)
  if (recorder === context.end) return unrecorded
  return unrecorded.map((one) => {
    if (one.to === recorder) return one
    context.channels.gossip.send(recorder, { type: 'model', ...one.model }, { keep: 'until-acknowledged' })
    return { ...one, to: recorder }
  })
}

/** Hears which debts are paid, and tells others the news that they may not have heard. */
export function settled(debts: Debts, context: GossipContext): Debts {
  const { gossip } = context.channels
  const { untold } = debts
  if (untold === 'all') giveAgain(debts.given, context)
  const { recorded, acknowledged } = heard(debts, gossip)
  const isOwed = (round: number) => (end: string) => (acknowledged[end] ?? 0) < round && isThere(end, gossip)
  const given = debts.given
    .map((one) => ({
      ...one,
      together: one.together.filter(isOwed(one.round)),
      apart: one.apart.filter(isOwed(one.round)),
    }))
    .filter(({ together, apart }) => together.length + apart.length > 0)
  const left = debts.unrecorded.filter(({ model }) => model.round > recorded)
  const told = untold === 'all' ? Object.keys(debts.exchanged) : untold === 'exchanges' ? debts.latest : []
  for (const end of told) tell([end], { type: 'committed', round: debts.exchanged[end] ?? 0 }, gossip)
  if (recorderOf(context) === context.end && (untold === 'consensus' || untold === 'all'))
    tell(gossip.ends(), { type: 'recorded', round: recorded }, gossip)
  const unrecorded = tellRecorder(untold === 'all' ? left.map(({ model }) => ({ model })) : left, context)
  return { ...debts, given, unrecorded, recorded, acknowledged, untold: 'nothing' }
}

/** Takes the news that has come, and messages of exchanges that are committed. */
function heard(debts: Debts, gossip: GossipChannel): Pick<Debts, 'recorded' | 'acknowledged'> {
  const acknowledged = { ...debts.acknowledged }
  const { exchanged } = debts
  let { recorded } = debts
  const closed = gossip.ends().map((end) => gossip.property(end, closedProperty))
  for (const last of closed) if (isCount(last)) recorded = Math.max(recorded, last)
  const isNews = ({ end, message: { type, round: of } }: Arrival<GossipMessage>) => {
    if (type === 'over' || type === 'ready' || type === 'offer') return false
    if (type === 'model') return of <= recorded
    return type === 'committed' || type === 'recorded' || of <= (exchanged[end] ?? 0)
  }
  answerLate(debts, gossip)
  for (;;) {
    const arrival = gossip.take(isNews)
    if (!arrival) return { recorded, acknowledged }
    const { end, message } = arrival
    if (message.type === 'committed') acknowledged[end] = Math.max(acknowledged[end] ?? 0, message.round)
    else if (message.type === 'recorded') recorded = Math.max(recorded, message.round)
    else if (message.type === 'model') tell([end], { type: 'recorded', round: recorded }, gossip)
    // An end that has started again gives a model, or goes apart, in an exchange that this end has committed.
    else if (message.type === 'answer' || message.type === 'apart')
      tell([end], { type: 'committed', round: exchanged[end] ?? 0 }, gossip)
  }
}

/**
 * Answers ends that are in a round or an exchange which this end has committed: they have started again, perhaps without
 * their state. To those that keep their state, this end's model of that time comes before this answer.
 */
export function answerLate({ round, exchanged }: Pick<Debts, 'round' | 'exchanged'>, gossip: GossipChannel): void {
  for (;;) {
    const late = gossip.take(({ end, message: { type, round: of } }) => {
      if (type === 'ready') return of <= round
      return type === 'offer' && of <= (exchanged[end] ?? 0)
    })
    if (!late) return
    const { end, message } = late
    if (message.type === 'ready') tell([end], { type: 'apart', round: message.round }, gossip)
    else tell([end], { type: 'committed', round: exchanged[end] ?? 0 }, gossip)
  }
}

/** Answers offers when this end has done its rounds: an end that has lost its state offers again. */
export function refuseOffers(gossip: GossipChannel): void {
  for (;;) {
    const late = gossip.take(({ message: { type } }) => type === 'offer')
    if (!late) return
    tell([late.end], { type: 'apart', round: late.message.round }, gossip)
  }
}

/** Gives the models again that neighbours may lack, to ends that the outbox before the restart hasn't reached. */
function giveAgain(given: readonly Given[], { end: self, channels: { gossip } }: GossipContext): void {
  for (const { together, apart, ...model } of given) {
    const { round } = model
    for (const end of together) tell([end], { type: end < self ? 'offer' : 'answer', ...model }, gossip)
    tell(apart, { type: 'apart', round }, gossip)
  }
}

/** Sends a message that is kept until each end has committed the effects of the message. */
export function tell(ends: readonly string[], message: GossipMessage, gossip: GossipChannel): void {
  for (const end of ends) gossip.send(end, message, { keep: 'until-acknowledged' })
}
