import test from 'ava'
import { inMemoryExamples } from '../data/in-memory-examples.ts'
import { layersLearner } from '../layers/layers-learner.ts'
import { cosineOfHalfTurn } from '../random/elementary.ts'
import { randomStream } from '../random/random-stream.ts'
import { type Schedule, scheduleFactor, scheduleOf } from './schedule.ts'
import { plainLearningRate, type Steps } from './steps.ts'

const factors = (given: Schedule | string, count: number) => {
  const schedule = scheduleOf(given)
  return schedule ? Array.from({ length: count }, (_, t) => scheduleFactor(schedule, t, count)) : []
}
const near = (a: readonly number[], b: readonly number[]) =>
  a.length === b.length && a.every((value, index) => Math.abs(value - (b[index] ?? 0)) < 1e-12)

test('the factors of each schedule are those of its formula', (t) => {
  t.true(near(factors('step:2:decay=0.1', 5), [1, 1, 0.1, 0.1, 0.01]))
  t.true(near(factors('exponential:0.5', 4), [1, 0.5, 0.25, 0.125]))
  t.true(near(factors('cosine:4', 6), [1, 0.5 + Math.SQRT1_2 / 2, 0.5, 0.5 - Math.SQRT1_2 / 2, 0, 0]))
  t.true(near(factors('cosine:2:least=0.2', 3), [1, 0.6, 0.2]))
  t.true(near(factors('polynomial:4:power=2', 6), [1, 0.5625, 0.25, 0.0625, 0, 0]))
  t.true(near(factors('polynomial:5:warmup=3', 6), [1 / 3, 2 / 3, 1, 1, 0.5, 0]))
  t.true(near(factors({ kind: 'constant', warmup: 2 }, 4), [0.5, 1, 1, 1]))
  t.is(scheduleOf('constant'), undefined)
})

test('the cosine agrees with Math.cos from 0 to π', (t) => {
  for (let step = 0; step <= 1_000; step++) {
    const share = step / 1_000
    t.true(Math.abs(cosineOfHalfTurn(share) - Math.cos(Math.PI * share)) < 4e-16, String(share))
  }
})

test('schedules with faults are refused, with what was expected', (t) => {
  const faults: readonly (readonly [string, RegExp])[] = [
    ['cosin:3', /schedule must be one of constant, .* \(did you mean cosine\?\)/],
    ['cosine', /schedule\.over must be a whole number from 1/],
    ['cosine:0', /schedule\.over must be a whole number from 1/],
    ['cosine:3:decay=0.1', /schedule\.decay must be absent: cosine has the settings over, least, by, warmup/],
    ['cosine:3:warmup=3', /schedule\.warmup must be below 3/],
    ['step:x', /schedule\.every must be a whole number from 1, but is x/],
    ['exponential:1.5', /schedule\.decay must be a number above 0 and up to 1/],
    ['exponential:0.9:by=batch', /schedule\.by must be round or step/],
  ]
  for (const [text, message] of faults) t.throws(() => scheduleOf(text), { code: 'LEARN_SETTING', message })
})

const steps: Steps = { learningRate: 0.1, epochs: 3, batch: 5 }
const random = randomStream(1)
const examples = inMemoryExamples({
  features: Float32Array.from({ length: 60 }, () => random.uniform() - 0.5),
  labels: Array.from({ length: 20 }, (_, index) => index % 3),
  shape: [3],
})

async function trained(given: Partial<Steps>, round = 1, engine: 'engine' | 'tensorflow' = 'engine') {
  const learner = await layersLearner({
    ...steps,
    ...given,
    model: ({ layers, sequential }) => sequential({ layers: [layers.dense({ units: 3, inputShape: [3] })] }),
    loss: 'softmaxCrossEntropy',
    engine,
  })
  const weights = await learner.initialWeights(randomStream(1))
  return learner.train({ weights, examples, random: randomStream(2), round })
}

for (const optimizer of [{}, { momentum: 0.9 }, { optimizer: 'adamw', weightDecay: 0.1 }, { clipNorm: 0.1 }] as const) {
  const name = JSON.stringify(optimizer)
  test(`${name}: a schedule by rounds has the bits of its rate in that round`, async (t) => {
    const third = await trained({ ...optimizer, schedule: 'step:1:decay=0.5' }, 3)
    const { delta } = await trained({ ...optimizer, learningRate: 0.1 * 0.25 })
    t.deepEqual(third.delta, delta)
    t.is(third.metrics['learning-rate'], 0.025)
    t.deepEqual(await trained({ ...optimizer, schedule: 'constant' }), {
      ...(await trained(optimizer)),
      metrics: { ...(await trained(optimizer)).metrics, 'learning-rate': 0.1 },
    })
  })

  test(`${name}: a schedule by steps moves the weights as TensorFlow.js does, in each step by its own rate`, async (t) => {
    const scheduled = { ...optimizer, schedule: 'cosine:12:by=step:warmup=2' }
    const [ours, theirs] = [await trained(scheduled), await trained(scheduled, 1, 'tensorflow')]
    const most = theirs.delta.reduce((found, value) => Math.max(found, Math.abs(value)), 0)
    for (const [index, value] of ours.delta.entries())
      t.true(Math.abs(value - (theirs.delta[index] ?? 0)) < 1e-4 * most, `${value}`)
    t.notDeepEqual(ours.delta, (await trained(optimizer)).delta)
    t.deepEqual(ours.delta, (await trained({ ...optimizer, schedule: 'cosine:by=step:warmup=2' })).delta)
  })
}

test('steps with a schedule have no plain rate from which gradients follow', (t) => {
  t.is(plainLearningRate({ ...steps, schedule: 'cosine:3' }), undefined)
  t.is(plainLearningRate({ ...steps, schedule: 'constant' }), 0.1)
})
