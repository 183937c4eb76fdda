import test from 'ava'
import { chaos } from './chaos.ts'

async function wrongRuns(set: string, kills: number, report: (line: string) => void): Promise<number> {
  const seed = Math.floor(Math.random() * 2 ** 31)
  report(`seed ${seed}`)
  return chaos({ workload: 'examples/trivial', set, workers: '0', kills, seed, report })
}

test('a job killed at random instants ends with the hashes of an undisturbed one', async (t) => {
  t.is(await wrongRuns('clients=200,rounds=60', 4, t.log), 0)
})

const algorithms = {
  'each contribution at the server': 'optimizer=krum,f=1',
  'the order of arrival': 'optimizer=fedbuff,bufferSize=3,concurrency=6',
}
for (const [what, algorithm] of Object.entries(algorithms)) {
  test(`so does a job with ${what}: ${algorithm}`, async (t) => {
    t.is(await wrongRuns(`clients=12,rounds=40,fraction=1,${algorithm}`, 2, t.log), 0)
  })
}
