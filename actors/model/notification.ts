import { z } from 'zod'
import { models, text } from './atoms.ts'

/** To the flamelet of a task. */
const taskNotification = z.strictObject({
  type: z.enum(['START_JOB', 'STOP_JOB', 'UPDATE_JOB']),
  jobId: text,
  taskId: text,
})

/** To the deployer of a compute. */
const computeNotification = z.strictObject({
  type: z.enum(['ADD_RESOURCE', 'REVOKE_RESOURCE']),
  jobId: text,
  computeId: text,
})

export const notification = z.union([taskNotification, computeNotification])
export type Notification = z.output<typeof notification>

export const numberedNotification = z.strictObject({
  /** From 1 without gaps for each recipient. */
  number: z.number().int().positive(),
  notification,
})
models.add(numberedNotification, { id: 'NumberedNotification' })
export type NumberedNotification = z.output<typeof numberedNotification>
