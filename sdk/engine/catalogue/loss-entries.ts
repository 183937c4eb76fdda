import type { Entry, SettingEntry } from './entries.ts'

const exampleWeights: SettingEntry = {
  values: 'the name of a column',
  help: "a factor from 0 for the loss of each example. A batch's loss is Σ factor·loss / number of examples: factors with the mean 1 keep its size",
}
const labelSmoothing = (help: string): SettingEntry => ({ values: 'a number from 0 and below 1', default: 0, help })
const classWeights = (help: string): SettingEntry => ({ values: 'a list of numbers from 0', help })

/** The losses, by the name that a learner's `loss` takes. */
export const lossEntries: readonly Entry[] = [
  {
    name: 'softmaxCrossEntropy',
    summary:
      'log Σ exp(z) − z[class], of one output for each class. Outputs of a shape [steps, classes] or [height, width, classes] take a target of a class for each step or pixel, and the loss of an example is the mean over those that count. Labels and targets are classes from 0',
    settings: {
      labelSmoothing: labelSmoothing('s: the target is 1 − s + s/classes for the class, and s/classes for the others'),
      masked: {
        values: 'a whole number',
        help: 'a class that stands for no target, such as that of padding: its steps count neither in the loss nor in metrics. An example without any other has the loss 0',
      },
      classWeights: classWeights('a factor for the loss of each class'),
      exampleWeights,
    },
  },
  {
    name: 'sigmoidCrossEntropy',
    summary:
      'max(z, 0) − z·label + log(1 + exp(−|z|)), the mean over the outputs. Labels are 0 or 1: the label for one output, and a target with a label for each of several',
    settings: {
      labelSmoothing: labelSmoothing('s: a label is label·(1 − s) + s/2'),
      classWeights: classWeights('factors for the loss of a label of 0 and of 1; for one output alone'),
      exampleWeights,
    },
  },
  {
    name: 'meanSquaredError',
    summary: '(y − target)², the mean over the outputs, which have the shape of the targets',
    settings: { exampleWeights },
  },
  { name: 'meanAbsoluteError', summary: '|y − target|, the mean over the outputs', settings: { exampleWeights } },
  {
    name: 'huber',
    summary: '½·e² for errors e up to δ, and δ·(|e| − ½·δ) beyond, the mean over the outputs',
    source: 'Huber 1964',
    settings: {
      delta: { values: 'a number above 0', default: 1, help: 'δ: where the loss begins to grow linearly' },
      exampleWeights,
    },
  },
  {
    name: 'supervisedContrastive',
    summary:
      'For the outputs z of an example, divided by their length, and the other examples P of its class in the batch: −1/|P| · Σ over p in P of log(exp(z·z_p/T) / Σ over all others a of exp(z·z_a/T)); 0 without others of its class. Labels are numbers of classes. An evaluation is the mean over batches as large as those of trainings, in the order of the examples. Not together with a clipping of each example',
    source: 'Khosla et al., NeurIPS 2020, equation 2',
    settings: {
      temperature: { values: 'a number above 0', default: 0.1, help: 'T' },
      exampleWeights,
    },
  },
]
