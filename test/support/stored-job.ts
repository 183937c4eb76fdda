import { zipSync } from 'fflate'
import { designSchema, type JobSpecification } from '../../actors/index.ts'
import type { Store } from '../../runtime/index.ts'
import type { Schema } from '../../sdk/index.ts'
import { catalogueStage, twoTierCode, twoTierSchema } from './catalogue-stage.ts'

export interface JobToStore {
  readonly user: string
  readonly job: string
  readonly spec?: Partial<JobSpecification>
  readonly schema?: Schema
  readonly code?: Uint8Array
  /** Datasets of the trainers. */
  readonly clients?: number
}

/** Creates a ready job with its design in a store. Of jobs of one user the first one's design stays. */
export async function storeJob(
  store: Store,
  { user, job, spec = {}, schema = twoTierSchema, code = twoTierCode, clients = 2 }: JobToStore,
): Promise<void> {
  await using stage = catalogueStage(store)
  const { ask } = stage
  const design = `design-of-${job}`
  await ask((replyTo) => ({ type: 'create-design', user, info: { id: design }, replyTo }))
  await ask((replyTo) => ({ type: 'add-schema', user, design, schema: designSchema.parse(schema), replyTo }))
  const archive = { fileName: 'code.zip', bytes: code }
  await ask((replyTo) => ({ type: 'add-code', user, design, archive, replyTo }))
  const datasets: string[] = []
  for (let client = 0; client < clients; client++) {
    const info = { id: `${job}-data-${client}`, url: `file:///${client}`, dataFormat: 'csv', realm: 'default' }
    datasets.push(await ask<string>((replyTo) => ({ type: 'create-dataset', user, info, replyTo })))
  }
  const dataSpec = [{ role: 'trainer', datasetGroups: { default: datasets } }]
  const given: JobSpecification = { id: job, designId: design, backend: 'ws', dataSpec, ...spec }
  await ask((replyTo) => ({ type: 'create-job', user, spec: given, replyTo }))
}

export function zipped(files: Readonly<Record<string, string>>): Uint8Array {
  return zipSync(
    Object.fromEntries(Object.entries(files).map(([path, text]) => [path, new TextEncoder().encode(text)])),
  )
}
