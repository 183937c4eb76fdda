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

/** Pairs of both whose orders of arrival or states meet at several levels. */
const pairs = [
  'topology=hierarchical,optimizer=fedbuff,bufferSize=2,middleBufferSize=3,concurrency=4',
  'topology=hybrid,optimizer=scaffold',
  'topology=coordinated,optimizer=feddyn',
  'topology=coordinated,optimizer=fedbuff,bufferSize=2,concurrency=3',
]

/** A small job for each topology, for each algorithm with a state or an order of arrival, and for some pairs of both. */
export function jobCases(rounds: number): readonly JobCase[] {
  const sets = [
    ...Object.keys(topologies).map((name) => `topology=${name}`),
    ...stateful.map((algorithm) => `optimizer=${algorithm}`),
    ...pairs,
  ]
  return sets.map((set) => ({ workload: 'test/chaos/blobs.workload.ts', set: `rounds=${rounds},${set}` }))
}
