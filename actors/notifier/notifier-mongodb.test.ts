import test from 'ava'
import { mongodbStore } from '../../runtime/durable/mongodb/index.ts'
import { notifierStage } from '../../test/support/actor-stages.ts'
import { mongodbServer } from '../../test/support/mongodb-server.ts'

test('two servers on one MongoDB give no number twice, lose nothing, repeat nothing, and wake each other', async (t) => {
  await using server = await mongodbServer()
  const url = server.url()
  const stores = [await mongodbStore(url), await mongodbStore(url)] as const
  const stages = stores.map((store) => notifierStage(store))
  const compute = { type: 'compute', compute: 'c' } as const
  const names = Array.from({ length: 15 }, (_, index) => `job-${index}`)
  const heard: string[] = []
  const hearing = (async () => {
    for (let acknowledged = 0; acknowledged < names.length; ) {
      const found = await stages[acknowledged % 2]?.receive(compute, acknowledged, { waitMs: 60_000 })
      for (const { number, notification } of found ?? []) {
        t.is(number, ++acknowledged)
        heard.push(notification.jobId)
      }
    }
  })()
  await Promise.all(
    stages.flatMap((stage, index) =>
      (index === 0 ? names : names.toReversed()).map((jobId) =>
        stage.notify(compute, { type: 'ADD_RESOURCE', jobId, computeId: 'c' }, 'once'),
      ),
    ),
  )
  await hearing
  t.deepEqual(heard.toSorted(), names.toSorted())
  t.deepEqual(await stages[0]?.receive(compute, heard.length), [])
  for (const stage of stages) await stage[Symbol.asyncDispose]()
  for (const store of stores) await store.close()
})
