import type { Entry } from './entries.ts'

/** The metrics of every evaluation. */
export const usualMetricEntries: readonly Entry[] = [
  { name: 'loss', summary: 'Mean of the loss over the examples' },
  {
    name: 'accuracy',
    summary: 'Fraction of the labels, steps or pixels whose class is found, where the loss has classes',
  },
]

/** The metrics that a learner's `metrics` may name. */
export const metricEntries: readonly Entry[] = [
  {
    name: 'topKAccuracy',
    summary: '`top-5-accuracy`: fraction of the labels whose class is among the k with the highest outputs',
    settings: { k: { values: 'a whole number from 1', default: 5, help: 'k' } },
  },
  {
    name: 'precision',
    summary:
      'Right among all that were found to be of class 1, of two classes or for each of several labels; for several classes the mean over the classes. A class that was never found counts 0',
  },
  { name: 'recall', summary: 'Found among all of class 1; for several classes or labels the mean over them' },
  { name: 'f1', summary: 'Harmonic mean of precision and recall of each class or label; the mean over them' },
  {
    name: 'auc',
    summary:
      'Area under the ROC curve, for two classes: the fraction of pairs of an example of each class in which that of class 1 has the higher probability. Probabilities are counted in bins of equal width, and pairs within a bin count half, so that the area is at most half of the fraction of such pairs off, and the same for any division of the examples into parts',
    source: 'Mann and Whitney 1947',
    settings: { bins: { values: 'a whole number from 1 to 2048', default: 200, help: 'number of bins' } },
  },
  {
    name: 'confusionMatrix',
    summary: '`confusion-1-0`: number of labels of class 1 whose class was found to be 0, and so on; up to 32 classes',
  },
  { name: 'perplexity', summary: 'exp of the mean cross-entropy of all labels, steps or pixels that count' },
  { name: 'meanAbsoluteError', summary: '`mean-absolute-error`: mean of |y − target| over all outputs' },
  {
    name: 'rootMeanSquaredError',
    summary: '`root-mean-squared-error`: √ of the mean of (y − target)² over all outputs',
  },
  {
    name: 'rSquared',
    summary: '`r-squared`: 1 − Σ (y − target)² / Σ (target − mean target)² of each output, the mean over the outputs',
  },
]
