import test from 'ava'
import { encode } from '../../runtime/index.ts'
import { fewestTrainers } from '../strategy/fitting-algorithm.ts'
import { expand } from '../tag/expand.ts'
import { hierarchical, twoTier } from '../tag/topologies.ts'
import type { Topology } from '../tag/topology.ts'
import { roleTasksOf } from './role-tasks.ts'
import { siteJobs } from './site-jobs.ts'
import { decodeJob, type HostedJob } from './site-protocol.ts'

function jobOf(topology: Topology): HostedJob {
  const tasks = expand(topology, { jobId: 'job-1', newKey: () => '' }).map(
    ({ end, role, groupAssociation, dataset }) => ({
      end,
      role,
      groupAssociation,
      ...(dataset !== undefined && { dataset }),
    }),
  )
  return { id: 'job-1', run: 'run-1', start: 1, schema: topology.schema, tasks }
}

function withoutTop({ schema, dataSpec }: Topology): Topology {
  const roles = schema.roles.filter(({ name }) => name !== 'top-aggregator')
  const channels = schema.channels.filter(({ pair }) => !pair.includes('top-aggregator'))
  return { schema: { ...schema, roles, channels }, dataSpec }
}

/** The bytes of the jobs that are sent to the sites of all trainers, each with ten. */
function bytesOf({ clients, groups }: { clients: number; groups?: number }): { bytes: number; whole: number } {
  const job = jobOf(groups === undefined ? twoTier({ clients }) : hierarchical({ clients, groups }))
  const jobFor = siteJobs(job)
  const trainers = job.tasks.filter(({ dataset }) => dataset !== undefined).map(({ end }) => end)
  let bytes = 0
  for (let from = 0; from < trainers.length; from += 10) bytes += encode(jobFor(trainers.slice(from, from + 10))).length
  return { bytes, whole: (encode(job).length * trainers.length) / 10 }
}

for (const groups of [undefined, 20])
  test(`what the sites of 2,000 trainers are sent grows with the trainers alone, with ${groups ?? 'no'} middle aggregators`, (t) => {
    const shape = groups === undefined ? {} : { groups }
    const half = bytesOf({ clients: 1000, ...shape })
    const full = bytesOf({ clients: 2000, ...shape })
    t.true(full.bytes < 2.2 * half.bytes, `${half.bytes} and ${full.bytes} bytes`)
    t.true(full.bytes < full.whole / 50, `${full.bytes} of ${full.whole} bytes`)
    t.log(`${full.bytes} bytes, and ${full.whole} if each site were sent all tasks`)
  })

for (const [name, topology] of [
  ['two-tier', twoTier({ clients: 6 })],
  ['hierarchical', hierarchical({ clients: 6, groups: 2 })],
  ['several aggregators, each with its own model', withoutTop(hierarchical({ clients: 6, groups: 2 }))],
] as const)
  test(`a site makes of a cut job what it would make of the whole one: ${name}`, (t) => {
    const job = jobOf(topology)
    const whole = roleTasksOf(job)
    for (const task of job.tasks) {
      const cut = decodeJob(siteJobs(job)([task.end]))
      if (!cut?.whole) return t.fail('the cut job is not decoded')
      const { clients = {}, whole: facts } = cut
      const options = {
        clientOf: (end: string) => clients[end],
        partOf: ({ end }: { readonly end: string }) => facts.parts[end],
      }
      const found = roleTasksOf(cut, options).find(({ end }) => end === task.end)
      const wanted = whole.find(({ end }) => end === task.end)
      t.deepEqual(found?.channels, wanted?.channels)
      t.is(found?.client, wanted?.client)
      t.is(found?.part, wanted?.part)
      t.is(wanted?.part !== undefined, name.startsWith('several') && task.dataset === undefined)
      t.is(facts.tasks, job.tasks.length)
      t.is(facts.clients, 6)
      t.is(facts.fewestTrainers, fewestTrainers(job.schema, job.tasks))
    }
  })

test('a site is told the URLs of the datasets of its own tasks alone', (t) => {
  const job = jobOf(twoTier({ clients: 3 }))
  const tasks = job.tasks.map((task) =>
    task.dataset === undefined ? task : { ...task, datasetUrl: `url-${task.end}` },
  )
  const urls = (end: string) => siteJobs({ ...job, tasks })([end]).tasks.flatMap(({ datasetUrl = [] }) => datasetUrl)
  t.deepEqual(urls('trainer-1'), ['url-trainer-1'])
  t.deepEqual(urls('top-aggregator-0'), [])
})
