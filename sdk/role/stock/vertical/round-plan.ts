import type { Steps } from '../../../learn/steps.ts'
import type { RandomStream } from '../../../random/random-stream.ts'

/** Some entities, by their places in the common order. */
export interface PlannedBatch {
  readonly rows: Uint32Array
  /** Whether weights move by the batch. If not, it is a part of the evaluation after the round. */
  readonly isTraining: boolean
}

/** Rows of a batch of the evaluation. */
const evaluationRows = 1_000

/**
 * The batches of a round, which each party plans alike. One shuffle from the round's stream divides the entities to train
 * on into batches, and each epoch passes over these batches. The batches of the held-out entities follow, in their order.
 */
export function roundPlan(
  { common, training }: { readonly common: number; readonly training: number },
  { batch, epochs }: Pick<Steps, 'batch' | 'epochs'>,
  random: RandomStream,
): readonly PlannedBatch[] {
  const order = random.shuffle(Uint32Array.from({ length: training }, (_, row) => row))
  const pass = cut(order, batch).map((rows) => ({ rows, isTraining: true }))
  const heldOut = Uint32Array.from({ length: common - training }, (_, row) => training + row)
  const evaluation = cut(heldOut, evaluationRows).map((rows) => ({ rows, isTraining: false }))
  return [...Array.from({ length: epochs }, () => pass).flat(), ...evaluation]
}

function cut(rows: Uint32Array, size: number): readonly Uint32Array[] {
  return Array.from({ length: Math.ceil(rows.length / size) }, (_, index) =>
    rows.subarray(index * size, (index + 1) * size),
  )
}
