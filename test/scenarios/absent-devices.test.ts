import test from 'ava'
import { CodedError } from '../../runtime/index.ts'
import { fedAvg } from '../../sdk/index.ts'
import { learnError } from '../../sdk/learn/errors.ts'
import { cutOff, endsAsInOneProcess, heldJob, letBack } from '../support/held-job.ts'
import { inOneProcess, type NetworkedJob, networkedJob, resultsOf, trainingGates } from '../support/networked-job.ts'
import { network, networkKinds } from '../support/networks.ts'

const devices = ['device-0', 'device-1', 'device-2'] as const
const [first] = devices
const clients = devices.length

async function isAway(job: NetworkedJob, device: string): Promise<void> {
  while ((await job.states())[device] === 'here') await new Promise((resolve) => setTimeout(resolve, 10))
}

for (const kind of networkKinds) {
  for (const fate of ['loses its connection', 'is killed'] as const)
    test(`over ${kind} a device submits and ${fate} before others submit: its update counts, and nobody becomes stale`, async (t) => {
      const rounds = 4
      await using scene = await heldJob(
        kind,
        [
          [1, 2],
          [2, 2],
        ],
        { clients, rounds },
      )
      const { net, job, gates } = scene
      await gates.began(0, 2)
      await job.life(first).system.idle()
      await job.life(first).heard()
      await cutOff(net, first)
      if (fate === 'is killed') await job.kill(first)
      await isAway(job, first)
      for (const client of [1, 2]) gates.release(client, 2)
      const { members } = await job.committed(2)
      t.deepEqual(
        members,
        ['trainer-0', 'trainer-1', 'trainer-2'],
        'the round is committed in the absence of the device',
      )
      await letBack(net, first)
      if (fate === 'is killed') job.begin(first)
      await endsAsInOneProcess(t, job, { clients, rounds })
      t.deepEqual(job.refused, [])
    })

  for (const fate of ['loses its connection', 'is killed'] as const)
    test(`over ${kind} a device ${fate} before its update has left: the round waits for the device and counts it once`, async (t) => {
      const rounds = 3
      await using scene = await heldJob(kind, [[0, 2]], { clients, rounds })
      const { net, job, gates } = scene
      await Promise.all([1, 2].map((client) => gates.began(client, 2)))
      await cutOff(net, first)
      if (fate === 'is killed') await job.kill(first)
      gates.release(0, 2)
      for (const device of devices.slice(1)) {
        await job.life(device).system.idle()
        await job.life(device).heard()
      }
      t.is(job.rounds.length, 1)
      await letBack(net, first)
      if (fate === 'is killed') job.begin(first)
      await endsAsInOneProcess(t, job, { clients, rounds })
      t.deepEqual(gates.roundsOf(0), fate === 'is killed' ? [1, 2, 2, 3] : [1, 2, 3])
    })

  test(`over ${kind} a device that comes back in a later round takes part in the present round first`, async (t) => {
    const rounds = 4
    const job = { clients, rounds, strategy: fedAvg({ quorum: 0.6 }) }
    const absent = async () => {
      const gates = trainingGates()
      gates.hold(0, 1)
      gates.hold(1, rounds)
      return gates
    }
    const gates = await absent()
    await using net = await network(kind)
    await using spread = networkedJob({ ...job, network: net, beforeTraining: gates.beforeTraining })
    await spread.serve()
    await spread.join(...devices)
    await gates.began(0, 1)
    await cutOff(net, first)
    await gates.began(1, rounds)
    const missed = await spread.committed(rounds - 1)
    t.deepEqual(missed.notCounted, [{ end: 'trainer-0', reason: 'late' }])
    await letBack(net, first)
    await spread.until(() => spread.life(first).states.at(-1) === 'open')
    await spread.life(first).heard()
    gates.release(0, 1)
    await spread.committed(rounds)
    gates.release(1, rounds)
    t.is(await spread.ended, undefined)
    t.deepEqual(gates.roundsOf(0), [1, rounds])

    const alone = await absent()
    const inOne = inOneProcess({
      ...job,
      beforeTraining: alone.beforeTraining,
      onRound: ({ round }) => void (round === rounds && alone.release(1, rounds)),
    })
    await alone.began(1, rounds)
    alone.release(0, 1)
    t.deepEqual(resultsOf(spread.rounds), resultsOf(await inOne))
  })

  test(`over ${kind} a job fails at once while a device is unreachable, which cleans up when it is back`, async (t) => {
    const gates = trainingGates()
    gates.hold(0, 1)
    await using net = await network(kind)
    await using job = networkedJob({
      network: net,
      clients,
      rounds: 2,
      strategy: fedAvg({ quorum: 0.6 }),
      beforeTraining: gates.beforeTraining,
      async beforeEvaluation() {
        await cutOff(net, first)
        await isAway(job, first)
        throw learnError('LEARN_EMPTY', { purpose: 'evaluate' })
      },
    })
    await job.serve()
    await job.join(...devices)
    const cause = await job.ended
    t.true(cause instanceof CodedError && cause.code === 'LEARN_EMPTY', String(cause))
    await job.until(() => devices.slice(1).every((device) => job.hosted(device) === 0))
    t.is(job.hosted(first), 1)
    await letBack(net, first)
    gates.release(0, 1)
    await job.until(() => job.hosted(first) === 0)
    t.pass()
  })
}
