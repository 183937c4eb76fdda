import test from 'ava'
import { columnsOf, figuresOf, spreadOf } from './columns.ts'
import type { FleetRound } from './fleet-run.ts'

const hour = 3_600_000

const round = (number: number, hours: number, accuracy?: number, more: Partial<FleetRound> = {}): FleetRound => ({
  ...{ round: number, at: hours * hour, hash: '', members: [], seconds: 0 },
  metrics: accuracy === undefined ? {} : { accuracy, loss: 1 - accuracy },
  ...{ asked: 10, counted: 8, lost: 1, wasted: 1, received: 100, sent: 50, quarters: [1, 2, 2, 3] },
  ...more,
})

const history = [
  round(1, 0.5, 0.2, { staleness: { mean: 1, most: 2 } }),
  round(2, 1, 0.5, { counted: 24, staleness: { mean: 3, most: 4 } }),
  round(3, 4),
  round(4, 6, 0.8),
]

test('columns have a number for each round, and NaN where a round has none', (t) => {
  const { round: rounds, hours, accuracy, staleness, sent } = columnsOf(history)
  t.deepEqual(rounds, [1, 2, 3, 4])
  t.deepEqual(hours, [0.5, 1, 4, 6])
  t.deepEqual(accuracy, [0.2, 0.5, Number.NaN, 0.8])
  t.deepEqual(staleness, [1, 3, Number.NaN, Number.NaN])
  t.deepEqual(sent, [50, 50, 50, 50])
  t.deepEqual(columnsOf([]).hours, [])
})

test('a metric that has the name of a column leaves the column as it is', (t) => {
  t.deepEqual(columnsOf([round(1, 2, 0, { metrics: { hours: 7 } })]).hours, [2])
})

test('figures tell the metric after some hours, and the hours to a value of the metric', (t) => {
  const figures = figuresOf(history, { at: [0.4, 1, 2, 6, 7], to: [0.5, 0.9], until: 6.5 * hour })
  t.deepEqual(figures.after, [Number.NaN, 0.5, 0.5, 0.8, Number.NaN])
  t.deepEqual(figures.to, [1, Number.NaN])
  t.is(figures.last, 0.8)
  t.is(figures.hours, 6.5)
  t.deepEqual(figuresOf(history, { metric: 'loss', to: [0.5, 0.1] }).to, [1, Number.NaN])
})

test('figures sum up the works, weight staleness by updates, and share the updates among quarters of devices', (t) => {
  const { asked, counted, lost, received, staleness, quarters } = figuresOf(history)
  t.deepEqual([asked, counted, lost, received], [40, 48, 4, 400])
  t.is(staleness, (8 * 1 + 24 * 3) / 48)
  t.deepEqual(quarters, [1 / 8, 2 / 8, 2 / 8, 3 / 8])
  t.deepEqual(figuresOf([]).quarters, [])
  t.deepEqual(figuresOf([]).last, Number.NaN)
})

test('a spread leaves out runs without the figure', (t) => {
  t.deepEqual(spreadOf([1, Number.NaN, 3]), { count: 2, mean: 2, deviation: Math.SQRT2, least: 1, most: 3 })
  t.deepEqual(spreadOf([5]), { count: 1, mean: 5, deviation: 0, least: 5, most: 5 })
  t.like(spreadOf([Number.NaN]), { count: 0, mean: Number.NaN, deviation: Number.NaN })
})
