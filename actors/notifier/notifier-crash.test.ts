import { fileURLToPath } from 'node:url'
import test from 'ava'
import { lmdbStore } from '../../runtime/durable/lmdb/index.ts'
import { seededScheduler } from '../../runtime/index.ts'
import { forSeeds } from '../../sdk/testing/index.ts'
import { notifierStage } from '../../test/support/actor-stages.ts'
import { runChild } from '../../test/support/child-lines.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'

const sender = fileURLToPath(new URL('../../test/support/notification-sender.js', import.meta.url))

function lastOf(lines: readonly string[], word: string): number {
  return Number(lines.findLast((line) => line.startsWith(word))?.slice(word.length + 1) ?? 0)
}

test('a notifier killed at a random instant has lost nothing, changed no order, and repeats nothing', async (t) => {
  await forSeeds(4, async (seed) => {
    const random = seededScheduler(seed + 1)
    await using folder = await temporaryFolder()
    const killAt = 1 + random.pick(60)
    const laterMicroseconds = random.pick(3000)
    let printed = 0
    const { lines, signal, err } = await runChild(process.execPath, [sender, folder.path], (_, child) => {
      printed += 1
      if (printed !== killAt) return
      const until = performance.now() + laterMicroseconds / 1000
      while (performance.now() < until); // The instant within a write is what varies, so no timer's grain.
      child.kill('SIGKILL')
    })
    t.is(signal, 'SIGKILL', err)
    const [told, heard] = [lastOf(lines, 'told'), lastOf(lines, 'heard')]
    const store = await lmdbStore(folder.path)
    await using stage = notifierStage(store)
    for (const compute of ['c0', 'c1', 'c2']) {
      const recipient = { type: 'compute', compute } as const
      const from = compute === 'c2' ? heard : 0
      const numbersAndJobs = async () =>
        (await stage.receive(recipient, from, { limit: 1e6 })).map((found) => [found.number, found.notification.jobId])
      const expected = (last: number) =>
        Array.from({ length: last - from }, (_, i) => [from + i + 1, `j${from + i + 1}`])
      const kept = await numbersAndJobs()
      const last = from + kept.length
      t.true(last === told || last === told + 1, `${compute} knows of ${last}, and was told ${told}`)
      t.deepEqual(kept, expected(last))
      for (let n = 1; n <= told + 1; n++) {
        const notification = { type: 'ADD_RESOURCE', jobId: `j${n}`, computeId: compute } as const
        await stage.notify(recipient, notification, 'once')
      }
      t.deepEqual(await numbersAndJobs(), expected(told + 1))
    }
    await stage[Symbol.asyncDispose]()
    await store.close()
  })
})
