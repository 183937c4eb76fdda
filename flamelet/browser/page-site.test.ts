import test from 'ava'
import { type ActorRef, actorSystem, memoryStore } from '../../runtime/index.ts'
import { expand, fedAvg, type SiteReply, twoTier, type Workload } from '../../sdk/index.ts'
import { tinyPool } from '../../sdk/testing/index.ts'
import { type PageSiteMessage, pageSite } from './page-site.ts'

const topology = twoTier({ clients: 2 })
const tasks = expand(topology, { jobId: 'job-1', newKey: () => '' })
const unused = () => {
  throw new Error('the pool has the learner and the data')
}
const workload: Workload = {
  name: 'job',
  settings: { rounds: 3, clients: 2 },
  topology: () => topology,
  strategy: () => fedAvg(),
  learner: unused,
  data: unused,
}

/** A page that hosts two trainers whose aggregator never comes, and what the page hears of them. */
async function stage() {
  const system = actorSystem()
  const progress: string[] = []
  const pool = tinyPool({ clients: 2 })
  const site: ActorRef<PageSiteMessage> = system.spawn(
    'site',
    pageSite({
      registration: {
        name: 'page',
        datasets: [],
        mostTasks: 2,
        platform: { runtime: 'test', system: 'browser', arch: '', cores: 1 },
      },
      datasets: undefined,
      store: memoryStore(),
      workloadOf: async () => ({ workload, poolOf: async () => pool }),
      onProgress: (heard) => void progress.push('end' in heard ? `${heard.type} ${heard.end}` : heard.type),
      onRefused: () => {},
    }),
  )
  const any = system.spawn<unknown>('any', () => () => {})
  const replyTo = system.spawn<SiteReply>('replies', () => () => {})
  site.tell({
    type: 'host',
    job: { id: 'job-1', run: 'run-1', start: 1, schema: topology.schema, tasks },
    ends: ['trainer-0', 'trainer-1'],
    rendezvous: any,
    reports: any,
    models: any,
    replyTo,
  })
  await system.idle()
  return { system, progress, site, replyTo }
}

for (const forget of [true, false])
  test(`a page hears that its tasks have ${forget ? 'completed, from the release' : 'been taken away'}, where the server releases them first`, async (t) => {
    const { system, progress, site, replyTo } = await stage()
    site.tell({ type: 'release', run: 'run-1', forget, replyTo })
    await system.idle()
    const ends = forget ? ['completed trainer-0', 'completed trainer-1'] : []
    t.deepEqual(progress, ['hosting', ...ends, 'not-hosting'])
    await system.terminate()
  })
