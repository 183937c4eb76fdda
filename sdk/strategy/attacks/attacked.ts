import { layoutOf } from '../../weights/layout.ts'
import type { Algorithm } from '../algorithm.ts'
import { strategyError } from '../errors.ts'
import { joined } from '../round-sum.ts'
import { type AttackDefinition, attackersOf } from './attacks.ts'

/**
 * An algorithm some of whose members attack. The aggregator exchanges the attackers' deltas before it sums or steps, so
 * that any rule can be tried, and attackers may know what honest members sent; weights and clients' states are those of
 * honest members.
 *
 * @throws STRATEGY_MISFIT for an algorithm with a buffer.
 */
export function attacked(algorithm: Algorithm, { attack, fraction }: ReturnType<AttackDefinition['from']>): Algorithm {
  const { name, server, aggregation, waiting } = algorithm
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
        const { each, round, population } = aggregate
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
        const layout = layoutOf([{ name: 'w', shape: [weights.length] }])
        const changed = joined({ aggregation }, layout, Object.fromEntries(contributions), { round, population })
        server.step(weights, changed, state, random, secret)
      },
    },
  }
}
