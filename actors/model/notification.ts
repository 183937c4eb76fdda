import { z } from 'zod'
import { models, text } from './atoms.ts'

/** A notification of a task's flamelet. */
const taskNotification = z.strictObject({
  type: z.enum(['START_JOB', 'STOP_JOB', 'UPDATE_JOB']),
  jobId: text,
  taskId: text,
})

/** A notification of a compute's deployer. */
const computeNotification = z.strictObject({
  type: z.enum(['ADD_RESOURCE', 'REVOKE_RESOURCE']),
  jobId: text,
  computeId: text,
})

export const notification = z.union([taskNotification, computeNotification])
export type Notification = z.output<typeof notification>

export const numberedNotification = z.strictObject({
  /** Begins at 1 for each recipient, without gaps. */
  number: z.number().int().positive(),
  notification,
})
models.add(numberedNotification, { id: 'NumberedNotification' })
export type NumberedNotification = z.output<typeof numberedNotification>
