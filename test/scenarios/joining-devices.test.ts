import test from 'ava'
import { isTopmost } from '../../actors/deployers/sites/site-choice.ts'
import { memoryStore } from '../../runtime/index.ts'
import { hierarchical, type Topology, twoTier } from '../../sdk/index.ts'
import { endsAsInOneProcess, heldJob } from '../support/held-job.ts'
import { inOneProcess, networkedJob, resultsOf } from '../support/networked-job.ts'
import { network, networkKinds } from '../support/networks.ts'

const clients = 4
const devices = ['device-0', 'device-1', 'device-2', 'device-3'] as const
const shapes: Readonly<Record<string, Topology>> = {
  'two-tier': twoTier({ clients }),
  hierarchical: hierarchical({ clients, groups: 2 }),
}

for (const kind of networkKinds) {
  for (const [shape, topology] of Object.entries(shapes))
    test(`over ${kind} devices of a ${shape} job that connect at very different speeds lose no message`, async (t) => {
      await using net = await network(kind)
      const slow = [{}, { delayMs: 100, jitterMs: 50 }, { bytesPerSecond: 50_000 }, { delayMs: 20 }]
      for (const [at, faults] of slow.entries()) (await net.proxy(devices[at] ?? '')).set(faults)
      const rounds = 2
      await using job = networkedJob({
        network: net,
        clients,
        rounds,
        topology,
        // Large enough for connections of their own.
        size: 12_000,
        mostTasks: 2,
        // Aggregators in the middle are on devices, too: their peers come before them, and after.
        isOwn: isTopmost(topology.schema),
        fits: (device, { end, dataset }) =>
          device === `device-${dataset === undefined ? 3 * Number(end.at(-1)) : end.at(-1)}`,
      })
      await job.serve()
      // The last one to come is awaited until all others wait for it.
      for (const device of devices.slice(0, -1)) job.begin(device)
      await job.until(() => devices.slice(0, -1).every((device) => job.hosted(device) > 0))
      job.begin('device-3')
      await endsAsInOneProcess(t, job, { clients, rounds, topology, size: 12_000 })
      t.deepEqual(job.refused, [])
    })

  test(`over ${kind} the later of two devices of one name takes the place of the earlier in mid-round, which stops`, async (t) => {
    const rounds = 3
    await using scene = await heldJob(kind, [[0, 2]], { clients, rounds })
    const { job, gates } = scene
    const earlier = job.life('device-0')
    const later = job.begin('device-0', { store: memoryStore() })
    await job.until(() => earlier.states.at(-1) === 'ended')
    gates.release(0, 2)
    t.is(await job.ended, undefined)
    t.is(later.states.at(-1), 'open')
    await job.until(() => job.hosted('device-0') === 0)
    t.deepEqual(resultsOf(job.rounds), resultsOf(await inOneProcess({ clients, rounds })))
  })

  test(`over ${kind} a device with the name of another user's is refused, and the job is not disturbed`, async (t) => {
    const rounds = 2
    await using scene = await heldJob(kind, [[0, 1]], { clients, rounds })
    const { job, gates } = scene
    const owner = job.life('device-0')
    const stranger = job.begin('device-0', { user: 'another', store: memoryStore() })
    await job.until(() => stranger.states.at(-1) === 'refused')
    gates.release(0, 1)
    t.is(await job.ended, undefined)
    t.deepEqual(owner.states, ['open'])
    t.deepEqual(resultsOf(job.rounds), resultsOf(await inOneProcess({ clients, rounds })))
  })
}
