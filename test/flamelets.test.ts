import { fileURLToPath } from 'node:url'
import test from 'ava'
import { collectionsOf } from '../actors/records/collections.ts'
import { all } from '../runtime/durable/contract/store-under-test.ts'
import { lmdbStore } from '../runtime/durable/lmdb/index.ts'
import { seededScheduler } from '../runtime/index.ts'
import { forSeeds } from '../sdk/testing/index.ts'
import { callerOf } from './support/api-stage.ts'
import { runChild } from './support/child-lines.ts'
import { httpFlamelets } from './support/http-flamelets.ts'
import { stagedJob } from './support/http-jobs.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const program = fileURLToPath(new URL('./support/api-process.js', import.meta.url))
const kills = 4

/** A server in a process of its own; after each kill another starts on the same folder. */
function serverOn(folder: string) {
  let url = 'http://127.0.0.1:9'
  let kill = () => {}
  let ended: Promise<unknown> = Promise.resolve()
  return {
    url: () => url,
    start: () =>
      new Promise<void>((resolve, reject) => {
        ended = runChild(process.execPath, [program, folder], (line, child) => {
          url = line
          kill = () => void child.kill('SIGKILL')
          resolve()
        })
        ended.then(reject, reject)
      }),
    async kill() {
      kill()
      await ended
    },
  }
}

const pause = (delayMs: number) => new Promise((resolve) => setTimeout(resolve, delayMs))

test('a job on computes and flamelets ends as it should though the server is killed, and nobody is told anything twice', async (t) => {
  await forSeeds(2, async (seed) => {
    const random = seededScheduler(seed + 1)
    await using folder = await temporaryFolder()
    const server = serverOn(folder.path)
    const call = callerOf(server.url)
    await server.start()
    const { job, tasks } = await stagedJob({ call })
    const path = `/users/u/jobs/${job}/status`

    let open = () => {}
    const opened = new Promise<void>((resolve) => {
      open = resolve
    })
    const computes = ['c1', 'default'].map((compute) =>
      httpFlamelets({ url: server.url, compute, key: 'secret', work: () => opened }),
    )
    t.is((await call('PUT', path, { id: job, state: 'starting' })).status, 200)
    for (let kill = 0; kill < kills; kill++) {
      await pause(random.pick(400))
      await server.kill()
      await server.start()
    }
    open()
    while (Object((await call('GET', path)).body).state !== 'completed') await pause(20)
    while (!computes.every(({ compute }) => compute.heard.includes('REVOKE_RESOURCE'))) await pause(20)
    for (const { compute } of computes) t.deepEqual(compute.heard, ['ADD_RESOURCE', 'REVOKE_RESOURCE'])
    const flamelets = computes.flatMap((compute) => [...compute.flamelets.values()])
    t.is(flamelets.length, tasks.length)
    for (const { heard } of flamelets) t.deepEqual(heard, ['START_JOB'])
    await Promise.all(computes.map((compute) => compute.end()))
    await server.kill()
    // No notification is left.
    const store = await lmdbStore(folder.path)
    const recipients = await all(collectionsOf(store).recipients.find())
    t.deepEqual(recipients.map(({ value }) => value.last).toSorted(), [1, 1, 2, 2])
    await store.close()
  })
})
