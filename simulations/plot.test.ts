import test from 'ava'
import { plot } from './plot.ts'

const history = [1, 2, 3, 4].map((round) => ({
  round,
  metrics: { accuracy: round / 5, loss: 2 / round, 'train-loss': 3 / round, lost: Number.NaN },
}))
const count = (text: string, part: RegExp) => [...text.matchAll(part)].length

test('metrics that measure the same share a panel of the picture, each with a line of its own', (t) => {
  const svg = plot(history, { title: 'mnist-1 <seed 1>' })
  t.is(count(svg, /<polyline /g), 3)
  t.is(count(svg, / by round</g), 2)
  t.regex(svg, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" viewBox="0 0 640 400"/)
  t.true(svg.includes('mnist-1 &#60;seed 1&#62;'))
  t.false(svg.includes('NaN'))
})

test('larger values are drawn higher, later rounds further right', (t) => {
  const [, points = ''] = /<polyline[^>]*points="([^"]*)"/.exec(plot(history, { metrics: ['accuracy'] })) ?? []
  const [first = [0, 0], ...others] = points.split(' ').map((point) => point.split(',').map(Number))
  for (const [x = 0, y = 0] of others) t.true(x > Number(first[0]) && y < Number(first[1]))
  t.is(others.length, 3)
})

test('models of several parts have a line each, and a single round is a point', (t) => {
  const parts = ['red', 'blue'].map((part) => ({ round: 1, part, metrics: { loss: 1 } }))
  const svg = plot(parts)
  t.is(count(svg, /<polyline /g), 2)
  t.true(svg.includes('loss red') && svg.includes('loss blue') && svg.includes('stroke-linecap'))
})

test('a history without metrics is refused', (t) => {
  t.throws(() => plot([]), { code: 'SIMULATION_NO_HISTORY' })
  t.throws(() => plot([{ round: 1, metrics: {} }]), { code: 'SIMULATION_NO_HISTORY' })
})
