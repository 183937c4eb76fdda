import { isStrings } from '../../../runtime/index.ts'
import { faultError } from '../../tag/errors.ts'
import { graphNamed, graphNames, metropolisWeights, neighboursIn } from '../../tag/gossip-graph.ts'
import type { Deadline } from '../channel/channel.ts'
import { answerLate, type Given, type GossipContext, isThere, tell } from './gossip-debts.ts'
import { mixed } from './gossip-mixing.ts'
import type { GossipMessage } from './gossip-protocol.ts'

export interface Exchange {
  readonly round: number
  /** This end's model after its training. */
  readonly weights: Float32Array
  /** By neighbour, sorted: its weight in the mixture. */
  readonly neighbours: ReadonlyMap<string, number>
  /** Time to wait for neighbours that answer offers, and then for neighbours that offer. Absent: no deadline. */
  readonly deadlineMs?: number | undefined
  /** Called when something has come, or an end has left. */
  readonly changed: () => void
}

/** The neighbours of an end in a round, sorted, each with its Metropolis weight. */
export function weightedNeighbours(
  round: number,
  { end: self, channels: { gossip }, jobRandom }: GossipContext,
): ReadonlyMap<string, number> {
  const graph = graphNamed(gossip.graph)
  if (!graph) throw faultError('TAG_GRAPH_UNKNOWN', { graph: gossip.graph, known: graphNames })
  const ends = [...gossip.expected, self].toSorted()
  const random = jobRandom(graph.isDrawnEachRound ? round : 0, 'graph')
  const weights = metropolisWeights(neighboursIn(graph, ends.length, random), ends.indexOf(self))
  return new Map([...weights].map(([index, weight]) => [ends[index] ?? '', weight]))
}

/**
 * Exchanges models with the neighbours of a round, and mixes them: Σ_j W_ij w'_j, where the weight of a neighbour that
 * isn't counted goes to the end itself.
 *
 * Both neighbours count each other, or neither does: of two, the first answers offers. Decisions of each end: the
 * neighbours to which it offers, those whose offers it answers, and those counted in the end. The first two are durable
 * before anything that follows from them is sent.
 *
 * @see Lian et al., Can Decentralized Algorithms Outperform Centralized Algorithms?, NeurIPS 2017, algorithm 1.
 */
export async function exchange(
  { round, weights, neighbours, deadlineMs, changed }: Exchange,
  context: GossipContext,
): Promise<{ readonly mixture: Float32Array; readonly counted: readonly string[]; readonly given: Given }> {
  const {
    end: self,
    channels: { gossip },
    decide,
    notice,
  } = context
  const names = [...neighbours.keys()]
  const [answering, offering] = [names.filter((end) => end < self), names.filter((end) => end > self)]
  const ready = new Set<string>()
  const apart = new Set<string>()
  const models = new Map<string, Float32Array>()
  const present = (end: string) => isThere(end, gossip)
  const deadlines: Deadline[] = []

  try {
    const [first, second] = [after(1), after(2)]
    tell(names.filter(present), { type: 'ready', round }, gossip)
    await until(answering, takesOffers, first)
    const asked = await chosen('offers', answering, (end) => takesOffers(end) && !apart.has(end) && present(end))
    tell(asked, { type: 'offer', round, weights }, gossip)
    const unasked = answering.filter((end) => !asked.includes(end))
    tell(unasked, { type: 'apart', round }, gossip)

    await until(offering, (end) => models.has(end), second)
    const answered = await chosen('answers', offering, (end) => models.has(end))
    // An interrupted run may have answered ends whose offers come again.
    await until(answered, (end) => models.has(end))
    tell(answered, { type: 'answer', round, weights }, gossip)
    const unanswered = offering.filter((end) => !answered.includes(end))
    tell(unanswered, { type: 'apart', round }, gossip)

    await until(asked, (end) => models.has(end))
    const isCounted = (end: string) => (asked.includes(end) || answered.includes(end)) && models.has(end)
    const decided = await decide(`counted in ${round}`, () => names.filter(isCounted), isStrings)
    // A counted end that is gone for good has left no model.
    const counted = decided.filter((end) => models.has(end))
    return {
      mixture: mixture(counted),
      counted,
      given: { round, weights, together: counted, apart: [...unasked, ...unanswered].filter(present) },
    }
  } finally {
    for (const deadline of deadlines) deadline.cancel()
  }

  /** An end that has answered in an earlier run, and has gone on, isn't ready again. */
  function takesOffers(end: string): boolean {
    return ready.has(end) || models.has(end)
  }

  function after(times: number): Deadline | undefined {
    if (deadlineMs === undefined || names.length === 0) return undefined
    const deadline = gossip.deadline(times * deadlineMs)
    deadlines.push(deadline)
    return deadline
  }

  /** A durable decision, unless there is nobody to choose. */
  async function chosen(
    purpose: string,
    among: readonly string[],
    fits: (end: string) => boolean,
  ): Promise<readonly string[]> {
    if (among.length === 0) return []
    return decide(`${purpose} in ${round}`, () => among.filter(fits), isStrings, { durable: true })
  }

  /** Waits until something is known of each end, or it goes apart or isn't there, or until the deadline. */
  async function until(ends: readonly string[], isKnown: (end: string) => boolean, deadline?: Deadline): Promise<void> {
    for (;;) {
      take()
      if (deadline?.hasPassed || ends.every((end) => isKnown(end) || apart.has(end) || !present(end))) return
      await gossip.changed(deadline)
      changed()
    }
  }

  function take(): void {
    answerLate({ round: round - 1, exchanged: {} }, gossip)
    for (;;) {
      const arrival = gossip.take(({ message }) => message.round === round && isOfExchange(message))
      if (!arrival) return
      const { end, message } = arrival
      if (message.type === 'ready') ready.add(end)
      else if (message.type === 'apart') apart.add(end)
      else if ((message.type === 'offer' || message.type === 'answer') && fits(message.weights, weights))
        models.set(end, message.weights)
      else {
        apart.add(end)
        notice({
          code: 'ROLE_GOSSIP_MODEL',
          message: `${self} goes through round ${round} without ${end}, whose model has another size or values that aren't finite`,
        })
      }
    }
  }

  function mixture(counted: readonly string[]): Float32Array {
    const others = counted.map((end) => neighbours.get(end) ?? 0)
    const own = 1 - others.reduce((sum, weight) => sum + weight, 0)
    const all = [...counted, self].toSorted()
    return mixed(
      all.map((end) => ({
        weight: end === self ? own : (neighbours.get(end) ?? 0),
        weights: models.get(end) ?? weights,
      })),
    )
  }
}

/** Whether a model of another end has the size of the own model, and finite values. */
export function fits(model: Float32Array, own: Float32Array): boolean {
  return model.length === own.length && model.every((value) => Number.isFinite(value))
}

function isOfExchange({ type }: GossipMessage): boolean {
  return type === 'ready' || type === 'offer' || type === 'answer' || type === 'apart'
}
