import test from 'ava'
import { type Call, runInChromium, runInWorker, runOnNode } from './support/other-platforms.ts'
import { reproducibleWork } from './support/reproducible-work.ts'

const seed = 42
const call: Call = {
  module: new URL('./support/reproducible-work.js', import.meta.url),
  name: 'reproducibleWork',
  args: [seed],
}

/** Whatever changes one of these changes the results of every job. */
const golden = {
  stream: '40fd793cbb7cdaa77646533195cb701ff143a4e8e73faf547b8acad98e34d393',
  draws: 'a1bd7f50f62bdb0a3dc492efa525c7d4cca9a81e4093c89533a3dd1324df9d1b',
  sum: 'a311ce5c88fa9803f9e2f09aeed617f86a3fec2c4b7d1e510d9bf8a8433a6fe5',
  asked: 5050,
}

const platforms: Record<string, () => Promise<unknown>> = {
  'this thread': () => reproducibleWork(seed),
  'a worker thread': () => runInWorker(call),
  'Node 20': () => runOnNode(20, call),
  'Node 22': () => runOnNode(22, call),
  'Node 24': () => runOnNode(24, call),
  Chromium: () => runInChromium(call),
}

for (const [platform, run] of Object.entries(platforms)) {
  test.serial(`streams, draws, sums and actors give the golden results in ${platform}`, async (t) => {
    t.deepEqual(await run(), golden)
  })
}

test('another seed gives other results', async (t) => {
  const other = await reproducibleWork(seed + 1)
  t.not(other.stream, golden.stream)
  t.not(other.draws, golden.draws)
  t.not(other.sum, golden.sum)
})
