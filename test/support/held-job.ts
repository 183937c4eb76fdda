import type { ExecutionContext } from 'ava'
import {
  inOneProcess,
  type NetworkedJob,
  type NetworkedJobOptions,
  networkedJob,
  resultsOf,
  trainingGates,
} from './networked-job.ts'
import { type Network, type NetworkKind, network } from './networks.ts'

/** A job under way on devices, some of whose trainings wait for a word of the test. */
export interface HeldJob extends AsyncDisposable {
  readonly net: Network
  readonly job: NetworkedJob
  readonly gates: ReturnType<typeof trainingGates>
}

/** Client and round of a training. */
export type HeldTraining = readonly [client: number, round: number]

/** Begins a job over a real network with all its devices, and waits until the held trainings have begun. */
export async function heldJob(
  kind: NetworkKind,
  held: readonly HeldTraining[],
  options: Omit<NetworkedJobOptions, 'network' | 'beforeTraining'>,
): Promise<HeldJob> {
  const gates = trainingGates()
  for (const training of held) gates.hold(...training)
  const net = await network(kind)
  const job = networkedJob({ ...options, network: net, beforeTraining: gates.beforeTraining })
  await job.serve()
  await job.join(...Array.from({ length: options.clients }, (_, client) => `device-${client}`))
  await Promise.all(held.map((training) => gates.began(...training)))
  return {
    net,
    job,
    gates,
    async [Symbol.asyncDispose]() {
      await job[Symbol.asyncDispose]()
      await net[Symbol.asyncDispose]()
    },
  }
}

/** Breaks the connections of devices, and lets none of them in until they are let back. */
export async function cutOff(net: Pick<Network, 'proxy'>, ...devices: readonly string[]): Promise<void> {
  for (const device of devices) {
    const proxy = await net.proxy(device)
    proxy.set({ isRefusing: true })
    proxy.cut()
  }
}

export async function letBack(net: Pick<Network, 'proxy'>, ...devices: readonly string[]): Promise<void> {
  for (const device of devices) (await net.proxy(device)).set({})
}

/** Asserts that a job is completed with the rounds of the same job in one process. */
export async function endsAsInOneProcess(
  t: ExecutionContext,
  job: Pick<NetworkedJob, 'ended' | 'rounds'>,
  same: Parameters<typeof inOneProcess>[0],
): Promise<void> {
  t.is(await job.ended, undefined)
  t.deepEqual(resultsOf(job.rounds), resultsOf(await inOneProcess(same)))
}
