import test from 'ava'
import { fedAvg } from '../../sdk/index.ts'
import { inOneProcess, networkedJob, resultsOf, trainingGates } from '../support/networked-job.ts'
import { network, networkKinds } from '../support/networks.ts'

const clients = 144
const rounds = 2
const slow = 77
const slower = 5
const given = { clients, rounds, strategy: fedAvg({ quorum: 143 / 144 }) }
const ends = Array.from({ length: clients }, (_, client) => client)

function gated() {
  const gates = trainingGates()
  gates.hold(slow, 1)
  gates.hold(slow, 2)
  gates.hold(slower, 2)
  return gates
}

for (const kind of networkKinds)
  test(`over ${kind} one slow site among 144 is late where the quorum allows, waited for where not, and aborts nobody`, async (t) => {
    const gates = gated()
    await using net = await network(kind)
    await using job = networkedJob({ ...given, network: net, beforeTraining: gates.beforeTraining })
    await job.serve()
    await job.join(...ends.map((client) => `device-${client}`))
    const first = await job.committed(1)
    t.is(first.members.length, clients - 1)
    t.deepEqual(first.notCounted, [{ end: `trainer-${slow}`, reason: 'late' }])

    gates.release(slow, 1)
    await Promise.all(ends.map((client) => gates.began(client, 2)))
    await Promise.all(ends.map((client) => job.life(`device-${client}`).heard()))
    t.is(job.rounds.length, 1, 'the quorum needs one of the two slow sites')
    gates.release(slow, 2)
    const second = await job.committed(2)
    t.deepEqual(second.notCounted, [{ end: `trainer-${slower}`, reason: 'late' }])
    gates.release(slower, 2)
    t.is(await job.ended, undefined)
    t.deepEqual(job.refused, [])

    const alone = gated()
    const inOne = inOneProcess({
      ...given,
      beforeTraining: alone.beforeTraining,
      onRound: ({ round }) => alone.release(round === 1 ? slow : slower, round),
    })
    await Promise.all(ends.map((client) => alone.began(client, 2)))
    alone.release(slow, 2)
    t.deepEqual(resultsOf(job.rounds), resultsOf(await inOne))
  })
