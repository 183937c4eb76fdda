import test, { type ExecutionContext } from 'ava'
import { chaos } from './chaos.ts'

async function withoutWrongRuns(t: ExecutionContext, workload: string, set: string, kills: number): Promise<void> {
  const lines: string[] = []
  const report = (line: string) => void lines.push(line)
  const wrong = await chaos({ workload, set, workers: '0', kills, seed: Math.floor(Math.random() * 2 ** 31), report })
  t.is(wrong, 0, lines.join('\n'))
}

test('a job killed at random instants ends with the hashes of an undisturbed one', async (t) => {
  await withoutWrongRuns(t, 'examples/trivial', 'clients=200,rounds=60', 4)
})

const algorithms = {
  'clients that keep a state': 'optimizer=scaffold',
  'each contribution at the server': 'optimizer=krum,f=1',
  'the order of arrival': 'optimizer=fedbuff,bufferSize=3,concurrency=6',
  'orders of arrival at two levels':
    'topology=hierarchical,optimizer=fedbuff,bufferSize=2,middleBufferSize=3,concurrency=4',
}
for (const [what, algorithm] of Object.entries(algorithms)) {
  test(`so does a job with ${what}: ${algorithm}`, async (t) => {
    await withoutWrongRuns(t, 'test/chaos/blobs.workload.ts', `rounds=40,${algorithm}`, 2)
  })
}

test('so does a job of parties, each of which has a part of the model', async (t) => {
  await withoutWrongRuns(t, 'examples/vertical', 'rounds=12,alignment=hashed', 2)
})

test('a killed job of ends that average their models in pairs ends with the models that follow from their orders', async (t) => {
  await withoutWrongRuns(t, 'test/chaos/blobs.workload.ts', 'rounds=8,topology=gossip,asynchronous=true', 2)
})
