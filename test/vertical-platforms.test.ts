import test from 'ava'
import { type Call, runInChromium, runInWorker } from './support/other-platforms.ts'
import { partyWork } from './support/party-work.ts'

const rounds = 2
const work: Call = {
  module: new URL('./support/party-work.js', import.meta.url),
  name: 'partyWork',
  args: [rounds],
}

for (const [platform, run] of Object.entries({ 'a worker thread': runInWorker, Chromium: runInChromium }))
  test.serial(`parties intersect their ids and train in ${platform}, to the models of this thread`, async (t) => {
    const here = await partyWork(rounds)
    t.is(here.length, 3 * rounds)
    t.deepEqual(await run(work), here)
  })
