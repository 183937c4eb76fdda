import { datasetsOf, type GivenDatasets } from '../data/datasets.ts'
import { type Examples, type FederatedData, testExamplesOf } from '../data/examples.ts'
import { subset } from '../data/in-memory-examples.ts'
import { randomStream } from '../random/random-stream.ts'
import type { Settings } from '../role/role.ts'
import { splitPlan } from '../role/stock/split-plan.ts'
import { splitsModel } from '../strategy/fitting-algorithm.ts'
import { requireLearner } from '../strategy/learner-needs.ts'
import { namedPopulation } from '../strategy/population.ts'
import { joined } from '../strategy/round-sum.ts'
import { workloadError } from '../workload/errors.ts'
import { boundedClients, requireReproducible, requireSame } from '../workload/reproducible.ts'
import type { Workload } from '../workload/workload.ts'
import { type LocalTrainer, localTrainer } from './local-trainer.ts'
import { clientLearner } from './training-pool.ts'
import { verticalTrial } from './vertical-trial.ts'

/** Size of the one trained batch, where the workload has no setting `batch`. */
const defaultBatch = 32

/** Facts about a workload from its trial. */
export interface Trial extends Pick<LocalTrainer, 'layout' | 'runsOn' | 'remarks' | 'clients'> {
  /** Number of clients whose examples were checked: of very many clients, only the first ones. */
  readonly clientsChecked: number
}

/**
 * Makes each part of a workload twice and compares the results. Checks the labels and shapes of the clients' examples
 * and of the test set. Draws initial weights, trains a batch of the first client, steps, selects, and evaluates a
 * batch, as a job would.
 *
 * @throws WORKLOAD_NOT_REPRODUCIBLE; WORKLOAD_SAMPLES for a false number of a client's examples; the errors of the parts.
 */
export async function trial<S extends Settings>(
  workload: Workload<S>,
  settings: S,
  seed: number,
  datasets?: GivenDatasets,
): Promise<Trial> {
  await requireReproducible(workload, settings, seed, datasets)
  const strategy = workload.strategy(settings)
  const data = await workload.data(settings, randomStream(seed, 'partition'), datasetsOf(datasets))
  const { batch } = settings
  const size = typeof batch === 'number' ? batch : defaultBatch
  const learner = await workload.learner(settings)
  const trainerOn = (given: FederatedData) =>
    localTrainer({ learner: () => learner, data: () => given }, settings, seed)
  try {
    const whole = await trainerOn(data)
    if (strategy.vertical) return await verticalTrial(whole, strategy, size)
    let clientsChecked = 0
    await whole.checkExamples('test')
    await whole.checkExamples('root')
    for await (const [client, { count }] of boundedClients(data)) {
      await whole.checkExamples(client)
      const known = data.samples?.(client) ?? count
      if (known !== count) throw workloadError('WORKLOAD_SAMPLES', { client, came: known, expected: count })
      clientsChecked += 1
    }
    const { layout, runsOn, remarks = [], clients } = whole
    const weights = (await whole.initialWeights()).slice()
    requireSame('initial weights', weights, await whole.initialWeights())
    const batches = await trainerOn(batchesOf(data, size))
    requireLearner(strategy, whole)
    if (splitsModel(workload.topology(settings).schema)) splitPlan(settings, whole)
    const { server, client, waiting } = strategy
    const streamOf = (label: string) => randomStream(seed, 1, 'top-aggregator-0', label)
    const begun = server.init(layout)
    const alone = clientLearner({ ...batches, evaluate: (given) => batches.evaluateChunk(given, 0) }, 0, 'trainer-0')
    const answer = await client.answer?.({ end: 'trainer-0', round: 1, weights, terms: {} }, alone)
    if (answer) server.hear?.(begun, [{ end: 'trainer-0', ...answer }])
    const terms = server.assign?.(begun, 1) ?? {}
    const train = async () => {
      const own = client.init?.(layout) ?? null
      const { contribution } = await client.train(
        { end: 'trainer-0', round: 1, weights, terms },
        own,
        alone,
        streamOf('client'),
      )
      return contribution
    }
    const contribution = await train()
    requireSame('update of client 0', contribution, await train())
    const ends = Array.from({ length: Math.min(clients, 1_000) }, (_, client) => `trainer-${client}`).toSorted()
    const select = () => strategy.select.select(namedPopulation(ends), streamOf('select'))
    requireSame('selection of the strategy', select(), select())
    const root = await server.train?.({ end: 'top-aggregator-0', round: 1, weights, terms }, alone)
    const step = () => {
      const stepped = weights.slice()
      const members = Array.from(
        { length: waiting.kind === 'buffer' ? waiting.size : waiting.minimumUpdates },
        (_, member) => `trainer-${member}`,
      )
      const contributions = Object.fromEntries(members.map((end) => [end, contribution]))
      const aggregate = joined(strategy, layout, contributions, { round: 1, population: clients, root })
      server.step(stepped, aggregate, server.init(layout), streamOf('step'))
      return stepped
    }
    const stepped = step()
    requireSame('step of the strategy', stepped, step())
    const { whyNotFinite } = await batches.evaluateChunk(stepped, 0)
    const why = whyNotFinite === undefined ? [] : [`the evaluation is not finite: ${whyNotFinite}`]
    return { layout, runsOn, remarks: [...remarks, ...why], clients, clientsChecked }
  } finally {
    learner.dispose?.()
  }
}

/** The first batch of each client and of the test set. */
function batchesOf(data: FederatedData, size: number): FederatedData {
  const { root } = data
  return {
    clients: data.clients,
    client: async (index) => head(await data.client(index), size),
    test: async () => head(await testExamplesOf(data), size),
    ...(root && { root: async () => head(typeof root === 'function' ? await root() : root, size) }),
  }
}

function head(examples: Examples, size: number): Examples {
  return subset(
    examples,
    Uint32Array.from({ length: Math.min(size, examples.count) }, (_, index) => index),
  )
}
