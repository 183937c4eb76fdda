import { topologies } from '../../sdk/index.ts'

/** A job to kill. */
export interface JobCase {
  readonly workload: string
  readonly set: string
}

/** Algorithms whose server or clients keep a state between rounds, or that depend on the order of arrival. */
const stateful = [
  ...['fedavgm', 'fedadagrad', 'fedadam', 'fedyogi', 'centred-clipping,rho=1', 'afl'],
  ...['feddyn', 'scaffold', 'scaffold,option=1', 'moon', 'fedper', 'fedrep', 'ditto', 'pfedme'],
  ...['fedbuff,bufferSize=3,concurrency=6', 'fedasync,concurrency=6'],
]

/** Topologies with algorithms whose orders of arrival or states meet at several levels, or in an order of the topology. */
const pairs = [
  'topology=hierarchical,optimizer=fedbuff,bufferSize=2,middleBufferSize=3,concurrency=4',
  'topology=coordinated,optimizer=fedbuff,bufferSize=2,middleBufferSize=3,concurrency=4',
  'topology=hybrid,optimizer=scaffold',
  'topology=coordinated,optimizer=feddyn',
]

/** Ends that average their models in pairs, at their own pace. */
const inPairs = ['ring', 'full', 'regular:3:each-round'].map(
  (graph) => `topology=gossip,asynchronous=true,graph=${graph}`,
)

/** Topologies whose models are in parts, which need a workload of their own. */
const inParts: Readonly<Record<string, (rounds: number) => readonly JobCase[]>> = {
  vertical: (rounds) => [{ workload: 'examples/vertical', set: `rounds=${Math.ceil(rounds / 8)}` }],
  split: (rounds) =>
    [0, 1, 2].map((version) => ({
      workload: 'examples/mnist',
      set: `rounds=${Math.ceil(rounds / 8)},clients=10,fraction=0.4,share=0.01,topology=split,splitVersion=${version}`,
    })),
}

/** A small job of each topology, of each algorithm with a state or an order of arrival, and of some pairs of both. */
export function jobCases(rounds: number): readonly JobCase[] {
  const blobs = (set: string): JobCase => ({ workload: 'test/chaos/blobs.workload.ts', set: `rounds=${rounds},${set}` })
  return [
    ...Object.keys(topologies).flatMap((name) => inParts[name]?.(rounds) ?? [blobs(`topology=${name}`)]),
    ...stateful.map((algorithm) => blobs(`optimizer=${algorithm}`)),
    ...pairs.map(blobs),
    ...inPairs.map(blobs),
  ]
}
