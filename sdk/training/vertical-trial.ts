import { writeColumns } from '../learn/columns.ts'
import { partAfterParties, partOfParty } from '../learn/learner.ts'
import type { Algorithm } from '../strategy/algorithm.ts'
import { requireLearner } from '../strategy/learner-needs.ts'
import { requireSame } from '../workload/reproducible.ts'
import type { LocalTrainer } from './local-trainer.ts'
import type { PartWay } from './training-pool.ts'

/**
 * Tries a joint model of several parties: draws initial weights twice, reads the ids of each party, and passes a batch of
 * each through its part and the part after the parties, twice. The rows of the batches need not be of the same entities.
 *
 * @throws WORKLOAD_NOT_REPRODUCIBLE, STRATEGY_LEARNER, LEARN_IDS, and the learner's errors.
 */
export async function verticalTrial(
  whole: LocalTrainer,
  strategy: Algorithm,
  batch: number,
): Promise<Pick<LocalTrainer, 'layout' | 'runsOn' | 'remarks' | 'clients'> & { readonly clientsChecked: number }> {
  requireLearner(strategy, whole)
  const { layout, runsOn, remarks = [], clients, sections = [] } = whole
  const weights = (await whole.initialWeights()).slice()
  requireSame('initial weights', weights, await whole.initialWeights())
  const parties = Array.from({ length: clients }, (_, party) => party)
  const counts = await Promise.all(parties.map(async (party) => (await whole.ids(party)).length))
  const rows = Math.min(batch, ...counts)
  const indices = Uint32Array.from({ length: rows }, (_, row) => row)
  const partPass = { end: 'trial', round: 1, weights, label: 0 }
  const pass = (party: number, way: PartWay) =>
    whole.pass({ ...partPass, client: party, part: partOfParty(party), of: { indices }, way })
  const joint = async () => {
    const width = sections.reduce((sum, { outputs }) => sum + outputs, 0)
    const inputs = new Float32Array(rows * width)
    let labels = new Float32Array()
    let column = 0
    for (const party of parties) {
      const answer = await pass(party, { to: 'values' })
      if (!('values' in answer)) continue
      if (party === 0) labels = Float32Array.from(answer.labels ?? [])
      const count = sections[party]?.outputs ?? 0
      writeColumns(inputs, width, column, answer.values, count)
      column += count
    }
    const of = { inputs, examples: rows }
    return whole.pass({ ...partPass, client: 0, part: partAfterParties, of, way: { from: 'loss', labels } })
  }
  requireSame('gradients of the joint model', await joint(), await joint())
  return { layout, runsOn, remarks, clients, clientsChecked: clients }
}
