import { z } from 'zod'
import { models, text, time } from './atoms.ts'
import { jobStates } from './job.ts'

export const taskInfo = z.strictObject({
  jobId: text,
  taskId: text,
  role: text,
  groupAssociation: z.record(text, text),
  state: z.enum(jobStates),
  key: text.exactOptional(),
  computeId: text.exactOptional(),
  log: text.exactOptional(),
  timestamp: time.exactOptional(),
})
models.add(taskInfo, { id: 'TaskInfo' })
export type TaskInfo = z.output<typeof taskInfo>

/** What an agent may report. */
export const reportedStates = ['running', 'failed', 'terminated', 'completed'] as const

export const taskStatus = z.strictObject({
  state: z.enum(reportedStates),
  /** The tail of its output. */
  log: z
    .string()
    .meta({ maxLength: 1024 * 1024 })
    .exactOptional(),
  timestamp: time.exactOptional(),
})
models.add(taskStatus, { id: 'TaskStatus' })
export type TaskStatus = z.output<typeof taskStatus>
