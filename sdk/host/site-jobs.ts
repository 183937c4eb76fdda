import { fewestTrainers } from '../strategy/fitting-algorithm.ts'
import { partsOf, taskChannels } from './role-tasks.ts'
import type { HostedJob, HostedTask } from './site-protocol.ts'

/**
 * Cuts a job to what a site needs to host some of its tasks: these tasks, the tasks of their groups, and a few facts of
 * all tasks. A site of trainers thus knows of its aggregators, and not of thousands of other trainers. The site hosts
 * its tasks of the cut job as it would host them of the whole one.
 */
export function siteJobs(job: HostedJob): (ends: readonly string[]) => HostedJob {
  const { schema, tasks, clients: given = {} } = job
  const wire = taskChannels(job)
  const partOf = partsOf(job)
  const indices = new Map(tasks.map(({ end }, index) => [end, index]))
  const clients = new Map<string, number>()
  for (const { end, dataset } of tasks) if (dataset !== undefined) clients.set(end, given[end] ?? clients.size)
  const facts = { tasks: tasks.length, clients: clients.size, fewestTrainers: fewestTrainers(schema, tasks) }

  return (ends) => {
    const asked = new Set(ends)
    const known = new Set(ends)
    const seen = new Set<ReadonlySet<string>>()
    const parts: Record<string, string> = {}
    const own: Record<string, number> = {}
    for (const end of ends) {
      const task = tasks[indices.get(end) ?? -1]
      if (!task) continue
      const part = partOf(task)
      if (part !== undefined) parts[end] = part
      const client = clients.get(end)
      if (client !== undefined) own[end] = client
      // The tasks of a group share the set.
      for (const { expected } of wire(task)) {
        if (seen.has(expected)) continue
        seen.add(expected)
        for (const other of expected) known.add(other)
      }
    }
    const order = [...known].flatMap((end) => indices.get(end) ?? []).toSorted((a, b) => a - b)
    const cut = order.flatMap((index) => tasks[index] ?? [])
    return {
      ...job,
      tasks: cut.map((task) => (asked.has(task.end) ? task : withoutUrl(task))),
      clients: own,
      whole: { ...facts, parts },
    }
  }
}

function withoutUrl({ datasetUrl: _url, ...task }: HostedTask): HostedTask {
  return task
}
