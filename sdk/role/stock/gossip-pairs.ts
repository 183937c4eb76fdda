import { fieldsOf, isCount, isString } from '../../../runtime/index.ts'
import type { CountedWork } from '../../registry/registry.ts'
import type { Arrival } from '../channel/channel.ts'
import { answerLate, type Debts, type Given, type GossipContext, isThere, tell } from './gossip-debts.ts'
import { fits } from './gossip-exchange.ts'
import { mixed } from './gossip-mixing.ts'
import type { GossipMessage } from './gossip-protocol.ts'

/** The next step of an end: a decision, since it depends on the order of arrival. */
export type PairEvent =
  /** Answers the offer of this round of another end. */
  | { readonly type: 'answer'; readonly end: string; readonly round: number }
  /** Goes on: its training has finished, or nobody offers any more. */
  | { readonly type: 'go-on' }

export function isPairEvent(value: unknown): value is PairEvent {
  const { type, end, round } = fieldsOf(value)
  return type === 'go-on' || (type === 'answer' && isString(end) && isCount(round))
}

/** The model of an end that averages with one other end at a time, and the exchanges since its last commit. */
export interface Averaging {
  readonly weights: Float32Array
  /** Number of the last exchange or training at this end. */
  readonly number: number
  readonly given: readonly Given[]
  readonly exchanged: Readonly<Record<string, number>>
  /** Exchanges and trainings in their order: the other end or this one, its number there, and the number here. */
  readonly order: readonly CountedWork[]
}

/**
 * Averages an end's model with those of neighbours, a pair at a time: both ← (w_i + w_j)/2. An offer comes from the end
 * whose name sorts last, which then waits; the other end answers at once unless it waits itself for an answer. So ends
 * that wait for each other are in the order of their names, and the first of them waits for nobody.
 *
 * The order of exchanges and trainings is a decision, durable before an answer or an offer is sent. Both models before
 * the average are kept until the other end has committed the exchange: after a kill both ends average the same models
 * again.
 *
 * @see Lian et al., Asynchronous Decentralized Parallel Stochastic Gradient Descent, ICML 2018, algorithm 1.
 */
export interface PairAveraging {
  readonly state: Averaging
  /** Adds the change by a training. */
  add(trained: Float32Array, start: Float32Array, round: number): void
  /** Answers offers until `isOver`, of which `changed` resolves at a change. At most `most` offers. */
  answer(isOver: () => boolean, changed: () => Promise<unknown>, most?: number): Promise<'over' | 'more'>
  /** Averages with one of these ends, drawn among those that are there. */
  offer(round: number, among: readonly string[]): Promise<void>
}

/** Goes on from the model after the last commit. */
export function pairAveraging(
  debts: Debts,
  start: Pick<Averaging, 'weights' | 'number'>,
  context: GossipContext,
): PairAveraging {
  const { end: self, channels, decide, random, notice } = context
  const { gossip } = channels
  let { weights, number } = start
  const given = [...debts.given]
  const exchanged = { ...debts.exchanged }
  const order: CountedWork[] = []

  return {
    get state() {
      return { weights, number, given, exchanged, order }
    },

    add(trained, from, round) {
      weights = weights.map((value, i) => value + (trained[i]! - from[i]!))
      number += 1
      order.push({ end: self, dispatch: round, version: number })
    },

    async answer(isOver, changed, most = Number.POSITIVE_INFINITY) {
      for (let answered = 0; answered < most; answered++) {
        const event = await decide(`event after ${number}`, () => next(isOver, changed), isPairEvent, { durable: true })
        if (event.type === 'go-on') return 'over'
        const offer = await awaited(
          event.end,
          (message) => isOfferOf(event.round, message),
          (message) => isPast(event.round, message),
        )
        if (offer?.type === 'offer') meet(event.end, offer)
      }
      return 'more'
    },

    async offer(round, among) {
      const draw = () => {
        const there = among.filter((end) => isThere(end, gossip))
        return there[there.length === 0 ? 0 : random(round, 'partner').below(there.length)] ?? ''
      }
      const partner = await decide(`partner in ${round}`, draw, isString, { durable: true })
      if (partner === '') return
      tell([partner], { type: 'offer', round, weights, number: number + 1 }, gossip)
      const answer = await awaited(partner, (message) => isAnswerTo(round, message))
      // A partner that has committed this exchange has met this end before its state was lost.
      const isMet = answer?.type === 'answer' && isFit(partner, answer.weights)
      const met = await decide(`met in ${round}`, () => (isMet ? partner : ''), isString)
      if (met !== '' && answer?.type === 'answer') average(partner, round, answer)
    },
  }

  /** Answers an offer with the model before the average. */
  function meet(end: string, offer: Extract<GossipMessage, { type: 'offer' }>): void {
    const { round } = offer
    exchanged[end] = round
    // An own model that isn't finite would be refused, and the average not be shared.
    if (!(isFit(end, offer.weights) && fits(weights, weights))) {
      given.push({ round, weights: new Float32Array(), together: [], apart: [end] })
      tell([end], { type: 'apart', round }, gossip)
      return
    }
    tell([end], { type: 'answer', round, weights, number: number + 1 }, gossip)
    average(end, round, offer)
  }

  function isFit(end: string, model: Float32Array): boolean {
    if (fits(model, weights)) return true
    notice({
      code: 'ROLE_GOSSIP_MODEL',
      message: `${self} averages nothing with ${end}, whose model has another size or values that aren't finite`,
    })
    return false
  }

  function average(
    end: string,
    round: number,
    other: { readonly weights: Float32Array; readonly number?: number },
  ): void {
    number += 1
    exchanged[end] = round
    given.push({ round, number, weights, together: [end], apart: [] })
    order.push({ end, dispatch: other.number ?? 0, version: number })
    weights = mixed([weights, other.weights].map((model) => ({ weight: 0.5, weights: model })))
  }

  async function next(isOver: () => boolean, changed: () => Promise<unknown>): Promise<PairEvent> {
    for (;;) {
      answerLate(debts, gossip)
      if (isOver()) return { type: 'go-on' }
      const offer = gossip.find(isNew)
      if (offer) return { type: 'answer', end: offer.end, round: offer.message.round }
      await Promise.race([changed(), gossip.changed()])
    }
  }

  /**
   * Takes a message of an end, and waits for it as long as the end is there. An end that has lost its state may have to
   * be answered first, and comes to this exchange again, or leaves it out.
   */
  async function awaited(
    from: string,
    fitting: (message: GossipMessage) => boolean,
    isLeftOut: (message: GossipMessage) => boolean = () => false,
  ): Promise<GossipMessage | undefined> {
    for (;;) {
      answerLate(debts, gossip)
      const arrival = gossip.take(({ end, message }) => end === from && fitting(message))
      if (arrival || !isThere(from, gossip)) return arrival?.message
      if (gossip.find(({ end, message }) => end === from && isLeftOut(message))) return undefined
      await gossip.changed()
    }
  }

  function isNew({ end, message: { type, round } }: Arrival<GossipMessage>): boolean {
    return type === 'offer' && end > self && round > (exchanged[end] ?? 0)
  }
}

function isOfferOf(round: number, message: GossipMessage): boolean {
  return message.type === 'offer' && message.round === round
}

/** Whether an end makes no offer of a round any more. */
function isPast(round: number, { type, round: of }: GossipMessage): boolean {
  return type === 'over' || (type === 'offer' && of > round)
}

function isAnswerTo(round: number, message: GossipMessage): boolean {
  if (message.type === 'committed') return message.round >= round
  return (message.type === 'answer' || message.type === 'apart') && message.round === round
}
