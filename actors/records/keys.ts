import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { catalogueError } from '../model/errors.ts'
import type { TaskRecord } from './record-models.ts'

/** An id whose first half is the time, so that lists by id are in order of creation. 24 hexadecimal characters. */
export function newIdAt(epochMs: number): string {
  return epochMs.toString(16).padStart(12, '0') + drawnAs('hex', 6)
}

/** A secret, and so not drawn from a job's seed: 24 random bytes in 32 characters. */
export function newTaskKey(): string {
  return drawnAs('base64url', 24)
}

/** Random bytes are drawn together: a call for each key costs more than the key. */
let drawn = Buffer.alloc(0)

/** Random bytes as text, which stay in memory nowhere else. */
function drawnAs(encoding: 'hex' | 'base64url', bytes: number): string {
  if (drawn.length < bytes) drawn = randomBytes(6144)
  const text = drawn.toString(encoding, 0, bytes)
  drawn.fill(0, 0, bytes)
  drawn = drawn.subarray(bytes)
  return text
}

/** The task with its key; one that has none takes the first that is presented. TASK_KEY_MISSING, TASK_KEY_WRONG. */
export function keyedTask(task: TaskRecord, key: string | undefined): TaskRecord {
  if (!key) throw catalogueError('TASK_KEY_MISSING', { id: task.taskId })
  if (task.key === '') return { ...task, key }
  if (!timingSafeEqual(digest(task.key), digest(key))) throw catalogueError('TASK_KEY_WRONG', { id: task.taskId })
  return task
}

/** Of one length whatever the key's, as the comparison needs it. */
function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}

export interface KeyHash {
  readonly salt: string
  readonly keyHash: string
}

/** What is kept of a compute's key: enough to know it again, not to send it. */
export function hashKey(key: string, salt = randomBytes(16).toString('hex')): KeyHash {
  return { salt, keyHash: createHash('sha256').update(salt).update(key).digest('hex') }
}

export function isKey({ salt, keyHash }: KeyHash, key: string): boolean {
  return timingSafeEqual(Buffer.from(hashKey(key, salt).keyHash), Buffer.from(keyHash))
}
