import test from 'ava'
import fc from 'fast-check'
import { fittedLoss } from './fitted-loss.ts'
import { type LossSettings, lossOf } from './loss.ts'
import { rowLoss } from './row-loss.ts'

const losses: readonly LossSettings[] = [
  { name: 'softmaxCrossEntropy' },
  { name: 'softmaxCrossEntropy', labelSmoothing: 0.2 },
  { name: 'sigmoidCrossEntropy' },
  { name: 'sigmoidCrossEntropy', labelSmoothing: 0.3 },
  { name: 'meanSquaredError' },
  { name: 'meanAbsoluteError' },
  { name: 'huber', delta: 0.7 },
]
const outputs = fc.array(fc.float({ min: -8, max: 8, noNaN: true }), { minLength: 1, maxLength: 5 })

for (const settings of losses)
  test(`the slope of ${JSON.stringify(settings)} is its finite difference`, (t) => {
    const loss = lossOf(settings)
    const half = 2 ** -7
    const property = fc.property(outputs, fc.nat(), (drawn, seed) => {
      // Multiples of 1/16 are apart from kinks, and a step of 1/128 is exact in float32.
      const values = Float32Array.from(drawn, (value) => Math.round(value * 16) / 16 + 1 / 32)
      const fitted = fittedLoss(loss, [values.length])
      const target = Float32Array.from({ length: fitted.targets }, (_, at) =>
        loss.targets === 'classes' ? seed % values.length : loss.targets === 'labels' ? (seed + at) % 2 : at - 2,
      )
      const slopes = new Float64Array(values.length)
      rowLoss(fitted.loss, values, target, slopes)
      for (const [at, slope] of slopes.entries()) {
        const moved = (by: number) => {
          const others = Float32Array.from(values)
          others[at] = (others[at] ?? 0) + by
          return rowLoss(fitted.loss, others, target, new Float64Array(values.length))
        }
        const measured = (moved(half) - moved(-half)) / (2 * half)
        if (Math.abs(measured - slope) > 1e-3 * (1 + Math.abs(slope)))
          throw new Error(`the slope is ${measured}, but computed as ${slope}`)
      }
    })
    t.notThrows(() => fc.assert(property))
  })

test('outputs far from 0 have finite losses and slopes', (t) => {
  for (const settings of losses) {
    const fitted = fittedLoss(lossOf(settings), [2])
    const slopes = new Float64Array(2)
    const loss = rowLoss(fitted.loss, Float32Array.of(-1e4, 1e4), new Float32Array(fitted.targets), slopes)
    t.true(Number.isFinite(loss) && slopes.every(Number.isFinite), JSON.stringify(settings))
  }
})
