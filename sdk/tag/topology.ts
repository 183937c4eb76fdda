import type { Schema } from './schema.ts'

/** For each data-consuming role: group → ids of datasets. */
export interface DataSpecEntry {
  readonly role: string
  readonly datasetGroups: Readonly<Record<string, readonly string[]>>
}

/** A schema together with how a job's datasets are spread over its groups. Dataset ids are `0` … `clients − 1` in a workload. */
export interface Topology {
  readonly schema: Schema
  readonly dataSpec: readonly DataSpecEntry[]
}
