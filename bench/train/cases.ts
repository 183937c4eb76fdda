export type ModelName = '2nn' | 'cnn' | 'lstm' | 'transformer'

export interface TrainCase {
  readonly name: string
  readonly model: ModelName
  /** Examples per step. */
  readonly batch: number
}

/**
 * The two image models of McMahan et al., Communication-Efficient Learning of Deep Networks, AISTATS 2017, one layer of
 * the paper's character model, and one block of a transformer.
 */
export const trainCases: readonly TrainCase[] = [
  { name: '2nn-b10', model: '2nn', batch: 10 },
  { name: '2nn-b32', model: '2nn', batch: 32 },
  { name: '2nn-b100', model: '2nn', batch: 100 },
  { name: 'cnn-b10', model: 'cnn', batch: 10 },
  { name: 'cnn-b50', model: 'cnn', batch: 50 },
  { name: 'lstm-b10', model: 'lstm', batch: 10 },
  { name: 'transformer-b8', model: 'transformer', batch: 8 },
]

export function trainCase(name: string): TrainCase {
  const found = trainCases.find((known) => known.name === name)
  if (!found) throw new Error(`no case ${name}; there are ${trainCases.map((known) => known.name).join(', ')}`)
  return found
}
