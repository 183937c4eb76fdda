import { notifierStage } from './actor-stages.ts'
import { storeOpenedAt } from './stores.ts'

/**
 * Program that notifies three computes of one job after another, until it is killed: `notification-sender <folder or
 * URL>`. It prints `told n` once the notifications of job n are durable, and `heard n` for the last notification that
 * compute `c2` has received; `c2` acknowledges it in the next round.
 */
const [, , location = ''] = process.argv
const stage = notifierStage(await storeOpenedAt(location))

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
