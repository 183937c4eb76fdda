import test from 'ava'
import { systemClock } from '../../runtime/index.ts'
import { endsAsInOneProcess, heldJob } from '../support/held-job.ts'
import { inOneProcess, networkedJob, resultsOf } from '../support/networked-job.ts'
import { network, networkKinds } from '../support/networks.ts'

const clients = 3
const devices = ['device-0', 'device-1', 'device-2'] as const
const [first] = devices
const rounds = 3
const suspectMs = { least: 300, most: 3000 }

for (const kind of networkKinds) {
  test(`over ${kind} a device changes its network in mid-round, its old connection stays half-open, and its update counts`, async (t) => {
    const link = { suspectMs, beatEveryMs: 200 }
    await using scene = await heldJob(kind, [[0, 2]], { clients, rounds, link })
    const { net, job, gates } = scene
    const old = await net.proxy(first)
    old.set({ isSilent: true })
    await net.move(first)
    gates.release(0, 2)
    t.is(await job.ended, undefined)
    t.true(old.counts.open > 0, 'nobody has heard of the end of the old connection')
    t.deepEqual(resultsOf(job.rounds), resultsOf(await inOneProcess({ clients, rounds })))
    t.deepEqual(job.refused, [])
  })

  test(`over ${kind} a proxy cuts every connection again and again between two rounds, and the next round begins with all devices`, async (t) => {
    let goOn = () => {}
    const held = new Promise<void>((resolve) => {
      goOn = resolve
    })
    await using net = await network(kind)
    await using job = networkedJob({
      network: net,
      clients,
      rounds,
      onRound: ({ round }) => (round === 1 ? held : undefined),
    })
    await job.serve()
    await job.join(...devices)
    await job.committed(1)
    for (let cut = 1; cut <= 5; cut++) {
      for (const device of devices) (await net.proxy(device)).cut()
      const isBack = (device: string) => job.life(device).states.filter((state) => state === 'open').length > cut
      await job.until(() => devices.every(isBack))
    }
    goOn()
    await endsAsInOneProcess(t, job, { clients, rounds })
    t.deepEqual(job.refused, [])
  })

  test(`over ${kind} devices whose clocks are a day ahead or behind take part as all others`, async (t) => {
    const dayMs = 24 * 60 * 60_000
    const aheadMs: Readonly<Record<string, number>> = { 'device-0': dayMs, 'device-1': -dayMs }
    const clock = systemClock()
    await using net = await network(kind)
    await using job = networkedJob({
      network: net,
      clients,
      rounds,
      clockOf: (node) => ({ now: () => clock.now() + (aheadMs[node] ?? 0), schedule: clock.schedule }),
    })
    await job.serve()
    await job.join(...devices)
    await endsAsInOneProcess(t, job, { clients, rounds })
  })
}
