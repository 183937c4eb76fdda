import test from 'ava'
import { CodedError } from '../../runtime/index.ts'
import {
  inOneProcess,
  type NetworkedJobOptions,
  networkedJob,
  resultsOf,
  trainingGates,
} from '../support/networked-job.ts'
import { type Network, network, networkKinds } from '../support/networks.ts'

const clients = 3
const devices = ['device-0', 'device-1', 'device-2'] as const
const aggregator = 'aggregator'

/** A job whose aggregator is on a machine of its own. */
const apart = {
  isOwn: () => false,
  fits: (device, { dataset }) => (device === aggregator) === (dataset === undefined),
} satisfies Partial<NetworkedJobOptions>

async function cutAll(net: Network, names: readonly string[], isRefusing: boolean): Promise<void> {
  for (const name of names) {
    const proxy = await net.proxy(name)
    proxy.set(isRefusing ? { isRefusing } : {})
    if (isRefusing) proxy.cut()
  }
}

for (const kind of networkKinds) {
  for (const comesBack of [true, false])
    test(`over ${kind} the process of the aggregator is killed alone and ${
      comesBack ? 'comes back: the hashes stay' : 'stays away: the job fails, and the devices stop its tasks'
    }`, async (t) => {
      const rounds = 4
      const gates = trainingGates()
      gates.hold(0, 2)
      await using net = await network(kind)
      await using job = networkedJob({
        ...apart,
        network: net,
        clients,
        rounds,
        beforeTraining: gates.beforeTraining,
        limits: { goneAfterMs: comesBack ? 60_000 : 50 },
      })
      await job.serve()
      await job.join(...devices)
      job.begin(aggregator)
      await gates.began(0, 2)
      await cutAll(net, [aggregator], true)
      await job.kill(aggregator)
      if (comesBack) {
        await cutAll(net, [aggregator], false)
        job.begin(aggregator)
      }
      gates.release(0, 2)
      const cause = await job.ended
      if (comesBack) {
        t.is(cause, undefined)
        t.deepEqual(resultsOf(job.rounds), resultsOf(await inOneProcess({ clients, rounds })))
      } else t.true(cause instanceof CodedError && cause.code === 'SITE_LOST', String(cause))
      await job.until(() => devices.every((device) => job.hosted(device) === 0))
    })

  test(`over ${kind} a server is killed with its aggregators, and another goes on with the same devices to the same hashes`, async (t) => {
    const rounds = 4
    const gates = trainingGates()
    gates.hold(0, 2)
    await using net = await network(kind)
    await using job = networkedJob({ network: net, clients, rounds, beforeTraining: gates.beforeTraining })
    await job.serve()
    await job.join(...devices)
    await gates.began(0, 2)
    await cutAll(net, devices, true)
    await job.killServer()
    gates.release(0, 2)
    await cutAll(net, devices, false)
    await job.serve()
    t.is(await job.ended, undefined)
    t.deepEqual(resultsOf(job.rounds), resultsOf(await inOneProcess({ clients, rounds })))
    await job.until(() => devices.every((device) => job.hosted(device) === 0))
  })

  test(`over ${kind} a server is killed, and one that does not know the job follows: the devices stop its tasks`, async (t) => {
    await using net = await network(kind)
    const gates = trainingGates()
    gates.hold(0, 2)
    await using job = networkedJob({ network: net, clients, rounds: 2, beforeTraining: gates.beforeTraining })
    await job.serve()
    await job.join(...devices)
    await gates.began(0, 2)
    await cutAll(net, devices, true)
    await job.killServer()
    gates.release(0, 2)
    t.deepEqual(
      devices.map((device) => job.hosted(device)),
      [1, 1, 1],
    )
    await cutAll(net, devices, false)
    await job.serve(false)
    await job.until(() => devices.every((device) => job.hosted(device) === 0))
  })
}
