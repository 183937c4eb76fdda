import { split, stockRoles } from '../../sdk/index.ts'
import { roleStage } from '../../sdk/testing/index.ts'
import { CaseError, inputs, numberOf, requireDistinct, requireOnly, type VectorCase } from './cases.ts'
import { densePool } from './training-cases.ts'

/** Runs a job of the topology `split`: the weights of both parts after each round. */
export async function splitFed(given: VectorCase) {
  const { clients, bottom, top } = inputs.split.parse(given.inputs)
  const [first] = clients
  const rounds: unknown = given.expected.rounds
  if (!first || !Array.isArray(rounds)) throw new CaseError('it has no clients, or expects no rounds')
  requireDistinct(clients.map(({ end }) => end))
  requireOnly(given, 'bottom', 'dense tanh')
  requireOnly(given, 'top', 'dense')
  requireOnly(given, 'batch', 'all examples')
  const dense = { model: 'dense tanh (bottom), dense (top)', inputs: first.x[0]?.length }
  const pool = await densePool({ ...given, settings: { ...given.settings, ...dense } }, clients, [...bottom, ...top])
  const roles = Object.entries({
    aggregator: 'split-aggregator',
    'split-server': 'split-server',
    trainer: 'split-trainer',
  }).flatMap(([name, stock]) => {
    const role = stockRoles[stock]
    return role ? [[name, { ...role, name }] as const] : []
  })
  await using stage = roleStage({
    topology: split({ clients: clients.length }),
    roles: Object.fromEntries(roles),
    pool,
    rounds: rounds.length,
    settings: { splitVersion: numberOf(given, 'version', 1) },
  })
  const ended = await stage.ended('aggregator-0')
  await pool.close()
  if (ended.type === 'task-failed') throw new CaseError(`the job failed: ${String(ended.cause)}`)
  return {
    rounds: stage.published.map(({ weights }) => ({
      bottom: [...weights.subarray(0, bottom.length)],
      top: [...weights.subarray(bottom.length)],
    })),
  }
}
