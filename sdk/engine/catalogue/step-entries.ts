import type { Steps } from '../../learn/steps.ts'
import type { Entry, SettingEntry } from './entries.ts'

/** The settings of a learner's steps, whichever the optimizer. */
export const stepSettings: Readonly<Partial<Record<keyof Steps, SettingEntry>>> = {
  learningRate: { values: 'a number above 0', help: 'η: the size of a step' },
  schedule: {
    values: 'a text such as `cosine:30:warmup=3`, or an object',
    help: 'factors of η by rounds or steps, as below',
  },
  epochs: { values: 'a whole number from 1', help: "E: passes over a client's examples in a round" },
  batch: {
    values: 'a whole number from 1',
    help: 'B: examples of a step; the last step of an epoch takes those that are left',
  },
  optimizer: {
    values: 'one of sgd, adam, adamw',
    default: 'sgd',
    help: 'the optimizer, which begins anew in each round',
  },
  clipNorm: {
    values: 'a number above 0',
    help: 'a gradient over all weights that is longer is scaled down to this length (Pascanu et al., ICML 2013); not with `clipValue`',
  },
  clipValue: {
    values: 'a number above 0',
    help: 'each value of a gradient is clipped to [−clipValue, clipValue]; not with `clipNorm`',
  },
}

const decayed: SettingEntry = {
  values: 'a number from 0',
  default: 0,
  help: 'λ of λ/2·‖w‖², of all weights, biases too: λ·w is added to the gradient after clipping, as in PyTorch',
}

const adamSettings: Readonly<Partial<Record<keyof Steps, SettingEntry>>> = {
  beta1: { values: 'a number from 0 and below 1', default: 0.9, help: 'β₁: decay of the mean of gradients' },
  beta2: { values: 'a number from 0 and below 1', default: 0.999, help: 'β₂: decay of the mean of their squares' },
  epsilon: { values: 'a number above 0', default: 1e-8, help: 'ε: keeps the quotient finite' },
}

/** The optimizers, by the name that `optimizer` takes. A setting of another optimizer is refused. */
export const optimizerEntries: readonly Entry[] = [
  {
    name: 'sgd',
    summary: "v ← momentum·v + g; w ← w − η·v. With Nesterov's momentum w ← w − η·(g + momentum·v)",
    source: 'Polyak 1964; Sutskever et al., ICML 2013',
    settings: {
      momentum: { values: 'a number from 0 and below 1', default: 0, help: 'share of v that remains after a step' },
      nesterov: { values: 'true or false', default: false, help: "Nesterov's momentum; needs a momentum" },
      weightDecay: decayed,
    },
  },
  {
    name: 'adam',
    summary: 'm ← β₁m + (1−β₁)g; v ← β₂v + (1−β₂)g²; w ← w − η·m̂/(√v̂ + ε), with m̂ = m/(1−β₁ⁿ) and v̂ = v/(1−β₂ⁿ)',
    source: 'Kingma and Ba, ICLR 2015, algorithm 1',
    settings: { ...adamSettings, weightDecay: decayed },
  },
  {
    name: 'adamw',
    summary: 'As Adam, and the weights shrink by η·λ·w in each step',
    source: 'Loshchilov and Hutter, ICLR 2019, algorithm 2',
    settings: { ...adamSettings, weightDecay: { ...decayed, help: 'λ: the weights shrink by η·λ·w in each step' } },
  },
]
