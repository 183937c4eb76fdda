import { learnerWith, type RoleLearner } from '../../learn/role-learner.ts'
import { layoutOf } from '../../weights/layout.ts'
import type { Algorithm } from '../algorithm.ts'
import { strategyError } from '../errors.ts'
import { joined } from '../round-sum.ts'
import { type AttackDefinition, attackersOf } from './attacks.ts'

/**
 * An algorithm some of whose members attack. The aggregator exchanges the attackers' deltas before it sums or steps, so
 * that any rule can be tried, and attackers may know what honest members sent; weights and clients' states are those of
 * honest members. Attackers with flipped labels train on these themselves, with any algorithm and in any topology.
 *
 * @throws STRATEGY_MISFIT for an algorithm with a buffer, whose deltas would be exchanged.
 */
export function attacked(algorithm: Algorithm, { attack, fraction }: ReturnType<AttackDefinition['from']>): Algorithm {
  if (attack === 'flipped labels') return withFlippedLabels(algorithm, fraction)
  const { name, server, aggregation, waiting } = algorithm
  const { shared: _, ...summed } = aggregation
  if (waiting.kind === 'buffer')
    throw strategyError('STRATEGY_MISFIT', {
      reason: `an attack is made on the members of a round, and ${name} has a buffer; choose an algorithm with rounds`,
    })
  return {
    ...algorithm,
    name: `${name} under attack`,
    aggregation: { ...aggregation, needs: 'each' },
    server: {
      ...server,
      step(weights, aggregate, state, random, secret) {
        const { each, round, population, root } = aggregate
        const bad = attackersOf(
          each.map(({ end }) => end),
          fraction,
        )
        const attackers = each.filter(({ end }) => bad.has(end))
        const sent = attack(
          attackers,
          each.filter(({ end }) => !bad.has(end)),
          random,
        ).values()
        const contributions = each.map(({ end, ...contribution }) => {
          const { delta, ...others } = contribution.vectors
          const vectors = { ...others, delta: bad.has(end) ? (sent.next().value ?? delta) : delta }
          return [end, { ...contribution, vectors }] as const
        })
        const size = each[0]?.vectors.delta.length ?? weights.length
        const layout = layoutOf([{ name: 'w', shape: [size] }])
        const of = { round, population, root }
        const changed = joined({ aggregation: summed }, layout, Object.fromEntries(contributions), of)
        server.step(weights, changed, state, random, secret)
      },
    },
  }
}

/** An algorithm with clients whose data are poisoned: the same fraction of all clients in each round. */
function withFlippedLabels(algorithm: Algorithm, fraction: number): Algorithm {
  const { name, client } = algorithm
  const { answer, tell } = client
  let known: { readonly clients: number; readonly attackers: ReadonlySet<string> } | undefined
  const isAttacker = ({ own }: RoleLearner) => {
    if (!own) return false
    const { clients } = own
    if (known?.clients !== clients) {
      const all = Array.from({ length: clients }, (_, index) => `trainer-${index}`)
      known = { clients, attackers: attackersOf(all, fraction) }
    }
    return known.attackers.has(`trainer-${own.client}`)
  }
  const seen = (learner: RoleLearner) => (isAttacker(learner) ? flippingLearner(learner) : learner)
  return {
    ...algorithm,
    name: `${name} under attack`,
    client: {
      ...client,
      needs: [...(client.needs ?? []), 'classes'],
      ...(answer && { answer: (assignment, learner) => answer(assignment, seen(learner)) }),
      ...(tell && { tell: (assignment, learner) => tell(assignment, seen(learner)) }),
      train: (assignment, own, learner, random, secret) => client.train(assignment, own, seen(learner), random, secret),
    },
  }
}

function flippingLearner(learner: RoleLearner): RoleLearner {
  return learnerWith(learner, {
    train: (request) => learner.train({ ...request, flipLabels: true }),
    trainHeld: (request) => learner.trainHeld({ ...request, flipLabels: true }),
    loss: (weights, options) => learner.loss(weights, { ...options, flipLabels: true }),
  })
}
