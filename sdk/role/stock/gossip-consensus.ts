import { isCount, isStrings } from '../../../runtime/index.ts'
import { metricSum } from '../../sum/exact-sums.ts'
import { defaultGroup } from '../../tag/schema.ts'
import { prefixed } from './aggregate.ts'
import {
  answerLate,
  type Debts,
  type GossipContext,
  isThere,
  recorderOf,
  refuseOffers,
  settled,
  withoutPart,
} from './gossip-debts.ts'
import { fits } from './gossip-exchange.ts'
import { consensusOf } from './gossip-mixing.ts'
import { closedProperty, type GossipModel } from './gossip-protocol.ts'

/**
 * Records the mean of all ends' models after a round, and the greatest distance of a model from it, as a model beside
 * those of the ends. Waits for the model of each end that is there, at most for the deadline. An end whose next model is
 * there already knows that the round is recorded: an earlier recorder has done it.
 */
export async function recordConsensus(
  debts: Debts,
  deadlineMs: number | undefined,
  context: GossipContext,
): Promise<Debts> {
  const { end: self, channels, decide, learner, publish } = context
  const { gossip } = channels
  const [own, ...later] = debts.unrecorded
  if (!own) return debts
  const { round, weights } = own.model
  const models = new Map<string, GossipModel>([[self, own.model]])
  const refused = new Set<string>()
  const deadline = deadlineMs === undefined ? undefined : gossip.deadline(deadlineMs)
  try {
    await until(gossip.expected, true)
    const make = () => (gossip.expected.some(isRecordedFor) ? [] : [...models.keys()].toSorted())
    const counted = await decide(`consensus of ${round}`, make, isStrings)
    await until(counted, false)
    const found = counted.flatMap((end) => models.get(end) ?? [])
    if (found.length > 0) await record(found, counted)
    return { ...debts, unrecorded: later, recorded: round, untold: 'consensus' }
  } finally {
    deadline?.cancel()
  }

  async function until(ends: readonly string[], byDeadline: boolean): Promise<void> {
    for (;;) {
      take()
      const isKnown = (end: string) =>
        models.has(end) || refused.has(end) || isRecordedFor(end) || !isThere(end, gossip)
      if ((byDeadline && deadline?.hasPassed) || ends.every(isKnown)) return
      await gossip.changed(byDeadline ? deadline : undefined)
    }
  }

  function take(): void {
    answerLate(debts, gossip)
    refuseOffers(gossip)
    for (;;) {
      const arrival = gossip.take(({ message }) => message.type === 'model' && message.round <= round)
      if (!arrival) return
      const { end, message } = arrival
      if (message.type !== 'model' || message.round < round) continue
      if (fits(message.weights, weights)) models.set(end, message)
      else refused.add(end)
    }
  }

  function isRecordedFor(end: string): boolean {
    if (models.has(end)) return false
    const closed = gossip.property(end, closedProperty)
    const isAhead = ({ end: from, message }: { end: string; message: { type: string; round: number } }) =>
      from === end && message.type === 'model' && message.round > round
    return (isCount(closed) && closed >= round) || gossip.find(isAhead) !== undefined
  }

  async function record(found: readonly GossipModel[], counted: readonly string[]): Promise<void> {
    const { mean, distance } = consensusOf(found.map((model) => model.weights))
    const trained = metricSum()
    for (const { samples, metrics } of found) if (samples > 0) trained.add(samples, metrics)
    const { metrics, whyNotFinite } = await learner.evaluate(mean)
    const missing = gossip.expected.filter((end) => !counted.includes(end))
    publish({
      round,
      part: gossip.group === defaultGroup ? 'consensus' : `consensus-${gossip.group}`,
      weights: mean,
      members: counted,
      metrics: { ...prefixed('train', trained.means()), 'consensus-distance': distance, ...metrics },
      ...(await withoutPart(missing, `without in ${round}`, context)),
      ...(whyNotFinite === undefined ? {} : { whyNotFinite }),
    })
  }
}

/**
 * Waits until nobody can ask this end for a model again, and the last consensus is recorded. The recorder waits for all
 * others, so that no other end takes its place and records the consensus again.
 */
export async function closing(
  before: Debts,
  deadlineMs: number | undefined,
  context: GossipContext,
): Promise<{ readonly debts: Debts; readonly closed: boolean }> {
  const { end: self, channels } = context
  const { gossip } = channels
  const deadline = deadlineMs === undefined ? undefined : gossip.deadline(deadlineMs)
  try {
    for (let debts = before; ; debts = settled(debts, context)) {
      refuseOffers(gossip)
      const isRecorder = recorderOf(context) === self
      if (isRecorder && debts.unrecorded.length > 0) return { debts, closed: false }
      const isAwaited = isRecorder && gossip.ends().some((end) => isThere(end, gossip))
      const isPaid = debts.given.length === 0 && debts.unrecorded.length === 0 && !isAwaited
      if (isPaid || deadline?.hasPassed) return { debts, closed: true }
      await gossip.changed(deadline)
    }
  } finally {
    deadline?.cancel()
  }
}
