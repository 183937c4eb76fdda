import test from 'ava'
import { checkSteps, plainLearningRate, type Steps } from './steps.ts'

const steps: Steps = { learningRate: 0.1, epochs: 1, batch: 10 }

const good: readonly Partial<Steps>[] = [
  {},
  { optimizer: 'sgd', momentum: 0.9, nesterov: true, weightDecay: 0, clipNorm: 1 },
  { optimizer: 'adam', beta1: 0, beta2: 0.999, epsilon: 1e-7, clipValue: 0.5 },
  { optimizer: 'adamw', weightDecay: 0.01 },
]
test('settings that fit together are taken', (t) => {
  for (const settings of good) t.notThrows(() => checkSteps({ ...steps, ...settings }))
})

const bad: readonly (readonly [keyof Steps, object])[] = [
  ['learningRate', { learningRate: 0 }],
  ['learningRate', { learningRate: '0.1' }],
  ['epochs', { epochs: 1.5 }],
  ['batch', { batch: 0 }],
  ['optimizer', { optimizer: 'lamb' }],
  ['momentum', { momentum: 1 }],
  ['momentum', { momentum: Number.NaN }],
  ['nesterov', { nesterov: true }],
  ['nesterov', { momentum: 0.9, nesterov: 'yes' }],
  ['weightDecay', { weightDecay: -1 }],
  ['clipNorm', { clipNorm: 0 }],
  ['clipValue', { clipValue: Number.POSITIVE_INFINITY }],
  ['clipValue', { clipValue: 1, clipNorm: 1 }],
  ['beta1', { optimizer: 'adam', beta1: 1 }],
  ['beta2', { optimizer: 'adamw', beta2: -0.1 }],
  ['epsilon', { optimizer: 'adam', epsilon: 0 }],
]
for (const [name, settings] of bad) {
  test(`${JSON.stringify(settings)} is refused for its ${name}`, (t) => {
    const error = t.throws(() => checkSteps({ ...steps, ...settings }))
    t.like(error, { code: 'LEARN_SETTING', values: { name } })
  })
}

test('a setting of another optimizer is refused, as it would change nothing', (t) => {
  for (const settings of [{ beta1: 0.9 }, { optimizer: 'adam' as const, momentum: 0.9 }]) {
    t.throws(() => checkSteps({ ...steps, ...settings }), { code: 'LEARN_SETTING', message: /absent/ })
  }
})

test('the rate of plain SGD is known, and that of no other steps', (t) => {
  t.is(plainLearningRate(steps), 0.1)
  t.is(plainLearningRate({ ...steps, optimizer: 'sgd', momentum: 0, weightDecay: 0 }), 0.1)
  for (const more of [
    { momentum: 0.9 },
    { optimizer: 'adam' },
    { weightDecay: 0.1 },
    { clipNorm: 1 },
    { clipValue: 1 },
  ] as const)
    t.is(plainLearningRate({ ...steps, ...more }), undefined)
})
