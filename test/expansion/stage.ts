import type { DesignSchema } from '../../actors/index.ts'
import { type ApiStage, codeForm, type Heard } from '../support/api-stage.ts'
import { zipOf } from '../support/stored-job.ts'

export const computes = ['north', 'south', 'default'] as const
const designs = '/users/u/designs'

/**
 * Registers the computes, each with key `secret`, and creates datasets of these names, each on the compute that its
 * name tells.
 */
export async function withDatasets(api: ApiStage, names: readonly string[]): Promise<void> {
  for (const computeId of computes)
    await api.call('POST', '/computes', { computeId, region: 'eu', adminId: 'admin', apiKey: 'secret' })
  for (const id of new Set(names)) {
    const realm = id.startsWith('n') ? 'north' : id.startsWith('s') ? 'south' : 'default'
    await api.call('POST', '/users/u/datasets', { id, url: `file:///${id}`, dataFormat: 'csv', realm })
  }
}

/**
 * Creates a design `d` with this schema, and code with a folder for each role. Answers with the answer to the schema's
 * creation.
 */
export async function withDesign(api: ApiStage, schema: object, roles: readonly string[]): Promise<Heard> {
  await api.call('POST', designs, { id: 'd' })
  await api.call('POST', `${designs}/d/code`, codeForm(zipOf(...roles.map((role) => `${role}/index.js`))))
  return api.call('POST', `${designs}/d/schema`, schema)
}

export const rolesOf = ({ roles }: DesignSchema) => roles.map(({ name }) => name)
export const datasetsOf = (dataSpec: readonly { readonly datasetGroups: Readonly<Record<string, string[]>> }[]) =>
  dataSpec.flatMap(({ datasetGroups }) => Object.values(datasetGroups).flat())
