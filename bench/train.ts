import type { Suite } from './figure.ts'
import { median } from './median.ts'
import { type TrainCase, trainCases } from './train/cases.ts'
import { kernelRates } from './train/kernel-rates.ts'
import { startTrainer, type TrainerProcess } from './train/trainer-process.ts'
import { ownTrainers, tensorFlowTrainers, torchTrainer } from './train/trainers.ts'
import { twoWorkersRatio } from './train/two-workers.ts'
import { workerMemory } from './train/worker-memory.ts'

const slices = 5

/**
 * Measures the engine's kernels against the peak of a core; training on one thread, with plain and with fused products,
 * against PyTorch and TensorFlow.js where they are installed; training on two threads; and the memory of a worker.
 */
export const trainSuite: Suite = async (report) => {
  for (const figure of await kernelRates()) report(figure)
  const commands = [...ownTrainers, ...(torchTrainer ? [torchTrainer] : []), ...tensorFlowTrainers]
  const trainers = commands.map(startTrainer)
  try {
    for (const which of trainCases) {
      const rates = await measure(trainers, which)
      const baseline = rates.get('torch')
      for (const [trainer, value] of rates) {
        if (trainer === 'torch') continue
        const figure = trainer === 'own' ? `train.${which.name}` : `train.${which.name}.${trainer}`
        const compared = baseline === undefined ? {} : { baseline, ratio: value / baseline }
        report({ figure, value, unit: 'samples/s', ...compared })
      }
    }
  } finally {
    for (const trainer of trainers) trainer.close()
  }
  report({ figure: 'train.two-workers', value: await twoWorkersRatio(slices), unit: '× one worker' })
  for (const model of ['2nn', 'cnn'] as const) {
    const { mib, limit } = workerMemory(model)
    report({ figure: `train.worker-memory-${model}`, value: mib, unit: 'MiB', baseline: limit, ratio: limit / mib })
  }
}

/**
 * Median samples/s of each trainer that can train the case. Trainers take turns, so that a change of the machine's
 * speed meets all.
 */
async function measure(trainers: readonly TrainerProcess[], which: TrainCase): Promise<Map<string, number>> {
  const measured = new Map<TrainerProcess, number[]>()
  for (const trainer of trainers) {
    const first = await trainer.slice(which)
    if (typeof first === 'number') measured.set(trainer, [])
    else console.error(`${trainer.name} does not train ${which.name}: ${first.failed}`)
  }
  for (let turn = 0; turn < slices; turn++) {
    const order = [...measured]
    for (const [trainer, rates] of turn % 2 === 0 ? order : order.toReversed()) {
      const rate = await trainer.slice(which)
      if (typeof rate === 'number') rates.push(rate)
    }
  }
  return new Map([...measured].map(([{ name }, rates]) => [name, median(Float64Array.from(rates))]))
}
