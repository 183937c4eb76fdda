import test from 'ava'
import { memoryStore } from '../../../runtime/index.ts'
import { type HostMessage, memoryRegistry, type OwnSiteMessage } from '../../../sdk/index.ts'
import { controllerStage } from '../../../test/support/actor-stages.ts'
import { storeJob } from '../../../test/support/stored-job.ts'
import { sitesDeployer } from './sites-deployer.ts'
import type { SpawnSite } from './spread-parts.ts'

test('a site forgets the state of a job’s tasks when the end of the aggregator is stored, and not before', async (t) => {
  const [user, job] = ['u', 'j']
  const store = memoryStore()
  await storeJob(store, { user, job })
  /** The aggregator's state in the store, each time when the site is told to forget. */
  const atForgetting: Promise<unknown>[] = []
  const hosts: HostMessage[] = []
  const own: SpawnSite = (context) =>
    context.spawn<OwnSiteMessage>('site', () => (message) => {
      if (message.type === 'host') {
        hosts.push(message)
        const { job, ends, replyTo } = message
        replyTo.tell({ type: 'hosting', run: job.run, start: job.start, ends, unknownSettings: [] })
      } else if (message.type === 'release') {
        if (message.forget) atForgetting.push(stage.tasks(job).then((states) => states['aggregator-0']))
        message.replyTo.tell({ type: 'released', run: message.run })
      }
    })
  const deployer = sitesDeployer({
    store,
    registry: memoryRegistry(),
    sitesOf: () => ({ follow: () => {} }),
    own,
    isOwn: () => true,
  })
  await using stage = controllerStage({ store, deployer })
  await stage.ask<null>((replyTo) => ({ type: 'ask-job-state', user, job, state: 'starting', replyTo }))
  await stage.idle()
  const aggregating = hosts.find(({ ends }) => ends.includes('aggregator-0'))
  aggregating?.reports.tell({ type: 'task-running', end: 'aggregator-0' })
  aggregating?.reports.tell({ type: 'task-completed', end: 'aggregator-0' })
  await stage.idle()
  t.deepEqual(await Promise.all(atForgetting), ['completed'])
  t.like(await stage.job(job), { state: 'completed' })
})
