import test from 'ava'
import * as fc from 'fast-check'
import { dirichlet, logGamma, normal, normalQuantile, truncatedNormal } from './distributions.ts'
import { randomStream } from './random-stream.ts'

const draws = 20_000

function moments(draw: () => number) {
  const values = Array.from({ length: draws }, draw)
  const mean = values.reduce((sum, value) => sum + value, 0) / draws
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / draws
  return { mean, variance, values }
}

test('normal draws have mean 0 and variance 1', (t) => {
  const random = randomStream(1, 'normal')
  const { mean, variance } = moments(() => normal(random))
  t.true(Math.abs(mean) < 0.03 && Math.abs(variance - 1) < 0.05, `${mean} ${variance}`)
})

test('truncated draws stay within two standard deviations', (t) => {
  const random = randomStream(1, 'truncated')
  const { mean, values } = moments(() => truncatedNormal(random))
  t.true(values.every((value) => Math.abs(value) <= 2))
  t.true(values.some((value) => Math.abs(value) > 1.9))
  t.true(Math.abs(mean) < 0.03)
})

for (const shape of [0.3, 1, 4.5]) {
  test(`gamma draws of shape ${shape} have that mean and variance`, (t) => {
    const random = randomStream(1, 'gamma')
    const { mean, variance } = moments(() => Math.exp(logGamma(random, shape)))
    t.true(Math.abs(mean / shape - 1) < 0.05, String(mean))
    t.true(Math.abs(variance / shape - 1) < 0.12, String(variance))
  })
}

test('dirichlet shares sum to 1 for any concentration, however small', (t) => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.constantFrom(1e-6, 0.001, 0.5, 1, 100),
      fc.integer({ min: 1, max: 50 }),
      (seed, alpha, parts) => {
        const shares = dirichlet(randomStream(seed), alpha, parts)
        const total = shares.reduce((sum, share) => sum + share, 0)
        return shares.length === parts && shares.every((share) => share >= 0) && Math.abs(total - 1) < 1e-9
      },
    ),
  )
  t.pass()
})

test('normal quantiles are those of tables, mirror each other, and grow with p', (t) => {
  const known = [
    [0.5, 0],
    [0.6, 0.2533471031357997],
    [0.925, 1.4395314709384563],
    [0.975, 1.959963984540054],
    [0.999, 3.090232306167813],
    [1e-9, -5.997807015007687],
  ] as const
  for (const [p, expected] of known) t.true(Math.abs(normalQuantile(p) - expected) < 1e-14 * 6, `${p}`)
  const p = fc.integer({ min: 1, max: 2 ** 33 - 1 }).map((steps) => steps * 2 ** -33)
  fc.assert(
    fc.property(p, p, (one, other) => {
      t.is(normalQuantile(1 - one), -normalQuantile(one))
      if (one < other) t.true(normalQuantile(one) < normalQuantile(other), `${one} ${other}`)
    }),
  )
})
