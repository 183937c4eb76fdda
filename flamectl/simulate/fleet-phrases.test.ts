import test from 'ava'
import { type AggregatorFigures, saturatesFirst } from '../../simulations/index.ts'
import { aggregatorLines } from './fleet-phrases.ts'

const idle: AggregatorFigures = {
  ...{ end: 'top-aggregator-0', updates: 3, received: 2_000, sent: 500, longestQueue: 0, mostWaiting: 0 },
  busy: { updates: 0, receive: 0, send: 0 },
  waited: { updates: 0, receive: 0, send: 0, memory: 0, failures: 0 },
  ...{ failures: 0, down: 0 },
}
const busy: AggregatorFigures = {
  ...{ ...idle, end: 'middle-aggregator-1', updates: 1, longestQueue: 12, failures: 2, down: 0.015 },
  busy: { updates: 0.4, receive: 0.05, send: 0 },
  waited: { ...idle.waited, updates: 0.25 },
  limiting: 'updates',
}

test('aggregators are shown with what they had to do, the busiest first, and what saturates first', (t) => {
  t.deepEqual(aggregatorLines([idle, busy], saturatesFirst([idle, busy])), [
    'middle-aggregator-1: 1 update  busy taking 40 %, receiving 5.0 %  longest queue 12  in 2 kB, out 500 B  2 failures, down 1.5 %  waited most for its work, 0.3 s each',
    'top-aggregator-0: 3 updates  longest queue 0  in 2 kB, out 500 B',
    'saturates first: the work of middle-aggregator-1, busy 40 % of the time, at 2.5 times this load',
  ])
  const many = Array.from({ length: 20 }, (_, number) => ({ ...idle, end: `leaf-aggregator-${number}` }))
  t.is(aggregatorLines(many, saturatesFirst(many)).at(-1), 'and 12 aggregators with less to do')
})
