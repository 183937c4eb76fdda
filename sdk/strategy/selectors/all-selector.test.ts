import test from 'ava'
import { randomStream } from '../../random/random-stream.ts'
import { namedPopulation } from '../population.ts'
import { allSelector } from './all-selector.ts'

test('every end is selected, in the order given, without drawing anything', (t) => {
  const random = randomStream(1)
  t.deepEqual(allSelector().select(namedPopulation(['a', 'b', 'c']), random), ['a', 'b', 'c'])
  t.is(random.uniform(), randomStream(1).uniform())
  t.deepEqual(allSelector().select(namedPopulation([]), random), [])
})
