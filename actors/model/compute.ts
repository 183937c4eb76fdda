import { z } from 'zod'
import { identifier, models, nameText, text, time } from './atoms.ts'

export const computeSpec = z.strictObject({
  adminId: nameText.exactOptional(),
  region: nameText.exactOptional(),
  apiKey: text.exactOptional(),
  computeId: identifier.exactOptional(),
})
models.add(computeSpec, { id: 'ComputeSpec' })
export type ComputeSpec = z.output<typeof computeSpec>

/** A compute's own first words. */
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

/** Task id → how far its agent is. */
export const deploymentStatus = z.record(
  text,
  z.enum(['agentDeploySuccess', 'agentDeployFailed', 'agentRevokeSuccess', 'agentRevokeFailed']),
)
models.add(deploymentStatus, { id: 'DeploymentStatus' })
export type DeploymentStatus = z.output<typeof deploymentStatus>
