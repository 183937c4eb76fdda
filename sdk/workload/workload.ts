import type { Datasets } from '../data/datasets.ts'
import type { FederatedData } from '../data/examples.ts'
import type { Learner } from '../learn/learner.ts'
import type { RandomStream } from '../random/random-stream.ts'
import type { AnyRole, Settings } from '../role/role.ts'
import type { Algorithm } from '../strategy/algorithm.ts'
import type { Topology } from '../tag/topology.ts'

/**
 * The default export of a workload module: the learner, the data, the topology and the algorithm of a job. Each part is
 * a function of the settings, called in every process or worker that needs the part.
 */
export interface Workload<S extends Settings = Settings> {
  /** Lower-case letters, digits and dashes. The job has this name. */
  readonly name: string
  readonly settings: S
  learner(settings: S): Learner | Promise<Learner>
  /** `random` is the job's stream for partitioning. `datasets` has the paths of data that lie with this process. */
  data(settings: S, random: RandomStream, datasets: Datasets): FederatedData | Promise<FederatedData>
  topology(settings: S): Topology
  strategy(settings: S): Algorithm
  /** The workload's own roles, by the names in the topology's schema. Default: stock roles, by func tags. */
  readonly roles?: Readonly<Record<string, AnyRole>>
}

/** Checks the types of a workload and returns it unchanged. */
export function workload<S extends Settings>(definition: Workload<S>): Workload<S> {
  return definition
}
