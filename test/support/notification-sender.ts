import { notifierStage } from './notifier-stage.ts'
import { storeOpenedAt } from './store-opened-at.ts'

/**
 * A process that notifies three computes of one job after another until it's killed, and prints `told n` once all know of
 * job n: `notification-sender <folder or URL>`. Compute `c2` acknowledges what it hears as it goes, and prints `heard n`.
 */
const [, , place = ''] = process.argv
const stage = notifierStage(await storeOpenedAt(place))

let acknowledged = 0
for (let n = 1; ; n++) {
  await Promise.all(
    ['c0', 'c1', 'c2'].map((compute) => {
      const notification = { type: 'ADD_RESOURCE', jobId: `j${n}`, computeId: compute } as const
      return stage.notify({ type: 'compute', compute }, notification, 'once')
    }),
  )
  process.stdout.write(`told ${n}\n`)
  const heard = await stage.receive({ type: 'compute', compute: 'c2' }, acknowledged)
  acknowledged = heard.at(-1)?.number ?? acknowledged
  process.stdout.write(`heard ${acknowledged}\n`)
}
