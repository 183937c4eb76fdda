import test from 'ava'
import { chaos } from './chaos.ts'

test('a job killed at random instants ends with the hashes of an undisturbed one', async (t) => {
  const seed = Math.floor(Math.random() * 2 ** 31)
  const wrong = await chaos({
    workload: 'examples/trivial',
    set: 'clients=200,rounds=60',
    workers: '0',
    kills: 4,
    seed,
    report: (line) => t.log(line),
  })
  t.is(wrong, 0, `seed ${seed}`)
})
