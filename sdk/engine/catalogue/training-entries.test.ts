import test from 'ava'
import { inMemoryExamples } from '../../data/in-memory-examples.ts'
import { layersLearner } from '../../layers/layers-learner.ts'
import { fittedLoss } from '../../learn/fitted-loss.ts'
import { initializerNames, initializerSpec, initialValues } from '../../learn/initializer.ts'
import { type LossChoice, lossOf, lossSettings } from '../../learn/loss.ts'
import { checkMetrics, metricNames } from '../../learn/metrics.ts'
import { scheduleFactor, scheduleOf, scheduleSettings } from '../../learn/schedule.ts'
import { checkSteps, type Steps } from '../../learn/steps.ts'
import { randomStream } from '../../random/random-stream.ts'
import type { SettingEntry } from './entries.ts'
import { initializerEntries } from './initializer-entries.ts'
import { lossEntries } from './loss-entries.ts'
import { metricEntries } from './metric-entries.ts'
import { scheduleEntries } from './schedule-entries.ts'
import { optimizerEntries, stepSettings } from './step-entries.ts'

const draw = (className: string, config: Readonly<Record<string, unknown>> = {}) =>
  initialValues({ name: 'w', shape: [6, 6] }, initializerSpec({ class_name: className, config }), randomStream(1))

test('every initializer that is known by name has an entry, and no other', (t) => {
  t.deepEqual(initializerEntries.map(({ name }) => name).toSorted(), [...initializerNames].toSorted())
})

for (const { name, settings = {} } of initializerEntries)
  test(`the entry of the initializer ${name} has its settings and their defaults`, (t) => {
    const className = name.charAt(0).toUpperCase() + name.slice(1)
    const plain = draw(className)
    t.deepEqual(plain, initialValues({ name: 'w', shape: [6, 6] }, initializerSpec(name), randomStream(1)))
    for (const [setting, entry] of Object.entries(settings)) {
      t.deepEqual(draw(className, { [setting]: entry.default }), plain, `${setting} has another default`)
      t.notDeepEqual(draw(className, { [setting]: 3 }), plain, `${setting} has no effect`)
    }
  })

test('every loss has an entry with its settings, and no other has one', (t) => {
  t.deepEqual(
    lossEntries.map(({ name, settings = {} }) => [name, Object.keys(settings).toSorted()]),
    Object.entries(lossSettings).map(([name, settings]) => [name, [...settings].toSorted()]),
  )
})

test('the settings of the losses have the defaults of their entries', async (t) => {
  for (const { name, settings = {} } of lossEntries) {
    const lossWith = (more: object): LossChoice => Reflect.apply(Object, undefined, [{ name, ...more }])
    const plain = await trained({}, lossWith({}))
    for (const [setting, { default: value }] of Object.entries(settings))
      if (value !== undefined) t.deepEqual(await trained({}, lossWith({ [setting]: value })), plain, setting)
  }
})

test('every schedule has an entry with its settings and their defaults, and no other has one', (t) => {
  t.deepEqual(
    scheduleEntries.map(({ name, settings = {} }) => [name, Object.keys(settings).toSorted()]),
    Object.entries(scheduleSettings).map(([name, settings]) => [name, [...settings].toSorted()]),
  )
  for (const { name, settings = {} } of scheduleEntries) {
    const factors = (more: object) => {
      const given = { kind: name, by: 'step', warmup: 0, ...more }
      const schedule = scheduleOf(Reflect.apply(Object, undefined, [given]))
      return [0, 1, 2, 3, 4].map((t) => (schedule ? scheduleFactor(schedule, t, 5) : 1))
    }
    for (const [setting, { default: value }] of Object.entries(settings))
      if (value !== undefined && setting !== 'by') t.deepEqual(factors({ [setting]: value }), factors({}), setting)
  }
})

test('every metric has an entry with its settings, and no other has one', (t) => {
  t.deepEqual(
    metricEntries.map(({ name }) => name),
    [...metricNames],
  )
  for (const { name, settings = {} } of metricEntries)
    for (const loss of ['sigmoidCrossEntropy', 'mse', 'softmaxCrossEntropy'] as const) {
      const check = (more: object) =>
        Reflect.apply(checkMetrics, undefined, [
          [{ name, ...more }],
          fittedLoss(lossOf(loss), [loss === 'softmaxCrossEntropy' ? 3 : 1]),
        ])
      const fits = () => check({})
      try {
        fits()
      } catch {
        continue
      }
      for (const [setting, { default: value }] of Object.entries(settings))
        t.notThrows(() => check({ [setting]: value }))
      for (const other of ['k', 'bins'].filter((each) => !Object.hasOwn(settings, each)))
        t.throws(() => check({ [other]: 3 }), { code: 'LEARN_SETTING' })
    }
})

const steps: Steps = { learningRate: 0.1, epochs: 2, batch: 4 }

/** Trains with the given settings, and returns the difference of the weights. */
async function trained(given: Partial<Steps>, loss: LossChoice = 'softmaxCrossEntropy'): Promise<Float32Array> {
  const learner = await layersLearner({
    ...steps,
    ...given,
    model: ({ layers, sequential }) =>
      sequential({ layers: [layers.dense({ units: classesOf(loss), inputShape: [4] })] }),
    loss,
    engine: 'engine',
  })
  const random = randomStream(2)
  const features = Float32Array.from({ length: 40 }, () => random.uniform() - 0.5)
  const labels = Array.from({ length: 10 }, () => random.below(classesOf(loss) === 3 ? 3 : 2))
  const { delta } = await learner.train({
    weights: await learner.initialWeights(randomStream(1)),
    examples: inMemoryExamples({ features, labels, shape: [4] }),
    random: randomStream(3),
  })
  return delta
}

/** Outputs of a model for the loss. */
const classesOf = (loss: LossChoice) => {
  const { targets } = lossOf(loss)
  return targets === 'labels' || targets === 'values' ? 1 : 3
}

const isOptimizer = (name: string) => name === 'sgd' || name === 'adam' || name === 'adamw'

for (const { name, settings = {} } of optimizerEntries)
  test(`the entry of the optimizer ${name} has its settings and their defaults`, async (t) => {
    if (!isOptimizer(name)) return t.fail(`${name} is no optimizer`)
    const plain = await trained({ optimizer: name })
    for (const [setting, { default: value }] of Object.entries(settings)) {
      t.deepEqual(await trained({ optimizer: name, [setting]: value }), plain, `${setting} has another default`)
      const other = setting === 'nesterov' ? { nesterov: true, momentum: 0.5 } : { [setting]: 0.5 }
      t.notDeepEqual(await trained({ optimizer: name, ...other }), plain, `${setting} has no effect`)
    }
    const foreign = optimizerEntries.flatMap((other) => Object.keys(other.settings ?? {}))
    for (const setting of foreign.filter((each) => !Object.hasOwn(settings, each)))
      t.throws(() => checkSteps({ ...steps, optimizer: name, [setting]: 0.5 }), { code: 'LEARN_SETTING' })
  })

test('the settings of all steps are checked, and those with a default have it', async (t) => {
  for (const [setting, { default: value }] of Object.entries<SettingEntry>(stepSettings)) {
    t.throws(() => checkSteps({ ...steps, [setting]: -1 }), { code: 'LEARN_SETTING' }, setting)
    if (value !== undefined) t.deepEqual(await trained({ [setting]: value }), await trained({}), setting)
  }
})
