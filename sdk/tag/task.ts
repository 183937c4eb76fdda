import type { GroupAssociation, SchemaChannel } from './schema.ts'

/** One worker of a job. */
export interface Task {
  /** Digest of job, index and config: the same for the same input. */
  readonly taskId: string
  /** Its name on channels: role and its place among the role's tasks, such as `trainer-17`. */
  readonly end: string
  readonly role: string
  readonly groupAssociation: GroupAssociation
  /** The channels it joins, with `groupBy` filled in. */
  readonly channels: readonly SchemaChannel[]
  /** Data consumers: the dataset's id. */
  readonly dataset?: string
  readonly computeId: string
  readonly replica: number
  /** Random, 32 characters; secret. */
  readonly key: string
}
