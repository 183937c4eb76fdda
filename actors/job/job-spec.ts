import type { AnyRole, Settings, Strategy, Topology, TrainingPool } from '../../sdk/index.ts'

/** `ready` → `starting` → `deploying` → `running` → `completed`, `failed` or `terminated`; `stopping` on request. */
export type JobState =
  | 'ready'
  | 'starting'
  | 'deploying'
  | 'running'
  | 'stopping'
  | 'completed'
  | 'failed'
  | 'terminated'

/** States in which nothing of a job runs and nothing will by itself. */
export const endedStates: readonly JobState[] = ['completed', 'failed', 'terminated']

/** What a job is, apart from how far it has come. */
export interface JobSpec {
  readonly id: string
  /** The workload's name. */
  readonly workload: string
  readonly seed: number
  readonly settings: Settings
}

/** What a job is made of, from its workload. */
export interface JobParts {
  readonly topology: Topology
  readonly strategy: Strategy
  readonly pool: TrainingPool
  /** The role that a schema's role of this name runs. */
  readonly roles: Readonly<Record<string, AnyRole>>
}
