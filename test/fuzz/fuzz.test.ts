import test from 'ava'
import { fuzz } from './fuzz.ts'

test('a few generated requests to each operation get no answer outside the description', async (t) => {
  t.true(await fuzz({ examples: 5, seed: 1, more: ['--phases', 'fuzzing'], output: 'inherit' }))
})
