import { modelsOf, rehearseParties, three } from '../../sdk/role/stock/vertical/party-job.contract.ts'
import { verticalTraining } from '../../sdk/strategy/algorithms/vertical/index.ts'

/** The models of a job of three parties that find their common entities by private set intersection. */
export async function partyWork(rounds: number): Promise<readonly string[]> {
  const run = await rehearseParties(three, { strategy: verticalTraining({ heldOut: 0.25 }), rounds })
  if (run.state !== 'completed') throw new Error(`the job ended ${run.state}: ${String(run.cause)}`)
  return modelsOf(run)
}
