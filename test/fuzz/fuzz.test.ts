import test from 'ava'
import { fuzz } from './fuzz.ts'

test('a few generated requests to each operation get no answer outside the description', async (t) => {
  let printed = ''
  const print = (text: string) => {
    printed += text
  }
  const isWell = await fuzz({ examples: 5, seed: 1, more: ['--phases', 'fuzzing'], print })
  if (!isWell) t.log(printed)
  t.true(isWell)
})
