import test from 'ava'
import { CodedError } from '../../runtime/index.ts'
import { cutOff, endsAsInOneProcess, heldJob, letBack } from '../support/held-job.ts'
import {
  inOneProcess,
  type NetworkedJobOptions,
  networkedJob,
  resultsOf,
  trainingGates,
} from '../support/networked-job.ts'
import { network, networkKinds } from '../support/networks.ts'

const clients = 3
const devices = ['device-0', 'device-1', 'device-2'] as const
const aggregator = 'aggregator'

/** A job whose aggregator is on a machine of its own. */
const apart = {
  isOwn: () => false,
  fits: (device, { dataset }) => (device === aggregator) === (dataset === undefined),
} satisfies Partial<NetworkedJobOptions>

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
      await cutOff(net, aggregator)
      await job.kill(aggregator)
      if (comesBack) {
        await letBack(net, aggregator)
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
    await using scene = await heldJob(kind, [[0, 2]], { clients, rounds })
    const { net, job, gates } = scene
    await cutOff(net, ...devices)
    await job.killServer()
    gates.release(0, 2)
    await letBack(net, ...devices)
    await job.serve()
    await endsAsInOneProcess(t, job, { clients, rounds })
    await job.until(() => devices.every((device) => job.hosted(device) === 0))
  })

  test(`over ${kind} a server is killed, and one that does not know the job follows: the devices stop its tasks`, async (t) => {
    await using scene = await heldJob(kind, [[0, 2]], { clients, rounds: 2 })
    const { net, job, gates } = scene
    await cutOff(net, ...devices)
    await job.killServer()
    gates.release(0, 2)
    t.deepEqual(
      devices.map((device) => job.hosted(device)),
      [1, 1, 1],
    )
    await letBack(net, ...devices)
    await job.serve(false)
    await job.until(() => devices.every((device) => job.hosted(device) === 0))
  })
}
