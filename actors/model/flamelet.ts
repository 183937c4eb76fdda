import { z } from 'zod'
import { identifier, models, text, time } from './atoms.ts'

/**
 * States of a flamelet: connected, about to leave, without a connection at present, or ended. A flamelet that is away
 * keeps its tasks.
 */
export const flameletStates = ['here', 'draining', 'away', 'gone'] as const
export type FlameletState = (typeof flameletStates)[number]

const count = z.number().int().nonnegative()

/** Facts that a flamelet has told of itself. */
export const flameletFacts = z.strictObject({
  /** Region of the flamelet's compute. Empty: none. */
  region: z.string().default(''),
  /** The compute whose tasks the flamelet gets. */
  computeId: identifier,
  datasets: z.array(z.strictObject({ name: text, url: text.exactOptional() })),
  /** Tasks that the flamelet hosts at once. */
  mostTasks: count.default(0),
  /** Memory that each task may use. */
  memoryBytes: count.exactOptional(),
  platform: z.strictObject({ runtime: text, system: text, arch: text, cores: count.default(0) }),
})
export type FlameletFacts = z.output<typeof flameletFacts>

export const flameletStatus = z.strictObject({
  name: identifier,
  userId: text,
  state: z.enum(flameletStates),
  /** Time since which the flamelet is in this state. */
  since: time,
  /** The server that the flamelet has joined: its machine and its process. */
  server: text.exactOptional(),
  ...flameletFacts.shape,
  /** Memory that the flamelet uses, as it last told. */
  residentBytes: count.exactOptional(),
  /** The tasks that the flamelet hosts, by job. */
  tasks: z.array(z.strictObject({ jobId: text, ends: z.array(text) })),
})
models.add(flameletStatus, { id: 'FlameletStatus' })
export type FlameletStatus = z.output<typeof flameletStatus>

/** A fault that is made in a running job on purpose, to see that the job bears it. */
export const jobFault = z.strictObject({
  /** `kill`: the task's process or actor ends. `cut`: its flamelet's connections break. `delay`: they become slow. */
  type: z.enum(['kill', 'cut', 'delay']),
  /** The task's id. */
  task: text.min(1),
  /** Of a delay: by how much. 0 ends the delay. */
  delayMs: z.number().int().min(0).max(60_000).exactOptional(),
})
models.add(jobFault, { id: 'JobFault' })
export type JobFault = z.output<typeof jobFault>
