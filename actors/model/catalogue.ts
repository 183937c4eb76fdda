import { z } from 'zod'
import { schemaModel } from '../../sdk/tag/index.ts'
import { identifier, location, longText, models, nameText, text, time } from './atoms.ts'

export const designSchema = schemaModel
models.add(designSchema, { id: 'DesignSchema' })
export type DesignSchema = z.output<typeof designSchema>

export const designInfo = z.strictObject({
  id: identifier,
  name: nameText.exactOptional(),
  description: longText.exactOptional(),
  userId: text.exactOptional(),
})
models.add(designInfo, { id: 'DesignInfo' })
export type DesignInfo = z.output<typeof designInfo>

/** A change of a design. The address names the design, so the id is optional. */
export const designChange = z.strictObject({ ...designInfo.shape, id: identifier.exactOptional() })
models.add(designChange, { id: 'DesignChange' })
export type DesignChange = z.output<typeof designChange>

export const design = z.strictObject({ ...designInfo.shape, schema: designSchema.exactOptional() })
models.add(design, { id: 'Design' })
export type Design = z.output<typeof design>

export const codeRevision = z.strictObject({ revision: z.number().int() })
models.add(codeRevision, { id: 'CodeRevision' })
export type CodeRevision = z.output<typeof codeRevision>

export const datasetInfo = z.strictObject({
  url: location,
  dataFormat: nameText.min(1),
  /** Path of regions ending in a compute; `default` is anywhere. */
  realm: location,
  id: identifier.exactOptional(),
  userId: text.exactOptional(),
  name: nameText.exactOptional(),
  description: longText.exactOptional(),
  computeId: text.exactOptional(),
  isPublic: z.boolean().exactOptional(),
  /**
   * A field of ours: administrators whose computes may run the dataset's tasks, besides the owner's and the server's
   * trusted ones.
   */
  computeAdmins: z.array(nameText.min(1)).max(16).exactOptional(),
})
models.add(datasetInfo, { id: 'DatasetInfo' })
export type DatasetInfo = z.output<typeof datasetInfo>

export const computeSpec = z.strictObject({
  adminId: nameText.exactOptional(),
  region: nameText.exactOptional(),
  apiKey: text.exactOptional(),
  computeId: identifier.exactOptional(),
})
models.add(computeSpec, { id: 'ComputeSpec' })
export type ComputeSpec = z.output<typeof computeSpec>

/** The registration that a compute sends. */
export const computeRegistration = z.strictObject({
  adminId: nameText.default(''),
  region: nameText.default(''),
  apiKey: text.min(1),
  computeId: identifier,
})
models.add(computeRegistration, { id: 'ComputeRegistration' })
export type ComputeRegistration = z.output<typeof computeRegistration>

export const computeStatus = z.strictObject({
  computeId: identifier,
  state: z.enum(['up', 'down', 'maintenance']),
  registeredAt: time.exactOptional(),
  updatedAt: time.exactOptional(),
})
models.add(computeStatus, { id: 'ComputeStatus' })
export type ComputeStatus = z.output<typeof computeStatus>

export const deploymentConfig = z.strictObject({
  jobId: text,
  imageLoc: text.exactOptional(),
  /** Task id → key. */
  agentKVs: z.record(text, text),
})
models.add(deploymentConfig, { id: 'DeploymentConfig' })
export type DeploymentConfig = z.output<typeof deploymentConfig>

/** Task id → state of the task's flamelet. */
export const deploymentStatus = z.record(
  text,
  z.enum(['agentDeploySuccess', 'agentDeployFailed', 'agentRevokeSuccess', 'agentRevokeFailed']),
)
models.add(deploymentStatus, { id: 'DeploymentStatus' })
export type DeploymentStatus = z.output<typeof deploymentStatus>
