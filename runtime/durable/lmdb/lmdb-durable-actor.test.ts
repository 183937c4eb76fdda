import { fileURLToPath } from 'node:url'
import test from 'ava'
import { runChild } from '../../../test/support/child-lines.ts'
import { notebook } from '../../../test/support/notebook.ts'
import { forSeeds } from '../../../test/support/seeds.ts'
import { temporaryFolder } from '../../../test/support/temporary-folder.ts'
import { actorSystem, seededScheduler } from '../../index.ts'
import { durableActorContract } from '../actor/durable-actor.contract.ts'
import { lmdbStore } from './index.ts'

const writer = fileURLToPath(new URL('../../../test/support/notebook-writer.js', import.meta.url))

durableActorContract(
  test,
  async () => {
    const folder = await temporaryFolder()
    const store = await lmdbStore(folder.path)
    return {
      store,
      async [Symbol.asyncDispose]() {
        await store.close()
        await folder[Symbol.asyncDispose]()
      },
    }
  },
  { runs: 30 },
)

test('whatever a durable actor has acknowledged when its process is killed is in its state afterwards', async (t) => {
  await forSeeds(4, async (seed) => {
    const random = seededScheduler(seed + 1)
    await using folder = await temporaryFolder()
    const acknowledged: number[] = []
    for (let life = 0; life < 2; life++) {
      const killAt = 1 + random.pick(400)
      let heard = 0
      await runChild(process.execPath, [writer, folder.path], (line, child) => {
        acknowledged.push(Number(line))
        heard += 1
        if (heard === killAt) child.kill('SIGKILL')
      })
    }
    const store = await lmdbStore(folder.path)
    const system = actorSystem()
    const recovered = await new Promise<readonly number[]>((resolve) => {
      system.spawn('notebook', notebook({ store, onRecovered: resolve }))
    })
    t.deepEqual(
      recovered,
      Array.from({ length: recovered.length }, (_, i) => i),
    )
    t.true(acknowledged.length > 1)
    t.true(Math.max(...acknowledged) < recovered.length, 'nothing acknowledged is lost')
    await system.terminate()
    await store.close()
  })
})
