import type { Entry } from './entries.ts'

const scaled = (name: string, variance: string, source: string): readonly Entry[] => [
  {
    name: `${name}Uniform`,
    summary: `Uniform draws around 0 with the variance ${variance}`,
    source,
  },
  {
    name: `${name}Normal`,
    summary: `Normal draws around 0 with the variance ${variance}, truncated at two deviations`,
    source,
  },
]

/**
 * The initializers, by the name that a layer's setting takes. Settings are those of the class of the same name in Keras
 * JSON: TensorFlow.js, and saved models, write them as `{ class_name, config }`.
 */
export const initializerEntries: readonly Entry[] = [
  { name: 'zeros', summary: '0 everywhere' },
  { name: 'ones', summary: '1 everywhere' },
  {
    name: 'constant',
    summary: 'One value everywhere',
    settings: { value: { values: 'a number', default: 0, help: 'the value' } },
  },
  {
    name: 'randomUniform',
    summary: 'Uniform draws',
    settings: {
      minval: { values: 'a number', default: -0.05, help: 'the least value' },
      maxval: { values: 'a number', default: 0.05, help: 'the most' },
    },
  },
  {
    name: 'randomNormal',
    summary: 'Normal draws',
    settings: {
      mean: { values: 'a number', default: 0, help: 'the mean' },
      stddev: { values: 'a number', default: 0.05, help: 'the standard deviation' },
    },
  },
  {
    name: 'truncatedNormal',
    summary: 'Normal draws, each repeated until it lies within two deviations of the mean',
    settings: {
      mean: { values: 'a number', default: 0, help: 'the mean' },
      stddev: { values: 'a number', default: 0.05, help: 'the standard deviation before the truncation' },
    },
  },
  ...scaled('glorot', '2/(inputs + outputs)', 'Glorot and Bengio, AISTATS 2010'),
  ...scaled('he', '2/inputs', 'He et al., ICCV 2015'),
  ...scaled('leCun', '1/inputs', 'LeCun et al., Efficient BackProp, 1998'),
  {
    name: 'orthogonal',
    summary: 'A random matrix with orthogonal rows, or columns if there are fewer',
    source: 'Saxe et al., ICLR 2014',
    settings: { gain: { values: 'a number', default: 1, help: 'length of the rows or columns' } },
  },
  {
    name: 'identity',
    summary: 'A square matrix with one value on its diagonal, and 0 elsewhere',
    settings: { gain: { values: 'a number', default: 1, help: 'the value on the diagonal' } },
  },
]
