import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { catalogueError } from '../model/errors.ts'
import type { TaskRecord } from './record-models.ts'

/**
 * Makes an id of 24 hexadecimal characters. Its first half is the time, so that lists by id are in order of creation.
 */
export function newIdAt(epochMs: number): string {
  return epochMs.toString(16).padStart(12, '0') + drawnAs('hex', 6)
}

/** Makes a task's key: 24 random bytes in 32 characters. Not drawn from a job's seed, since a key is a secret. */
export function newTaskKey(): string {
  return drawnAs('base64url', 24)
}

/** A stock of random bytes, since one call of `randomBytes` for each key would be slow. */
let drawn = Buffer.alloc(0)

/** Takes random bytes from the stock as text, and erases them in the stock. */
function drawnAs(encoding: 'hex' | 'base64url', bytes: number): string {
  if (drawn.length < bytes) drawn = randomBytes(6144)
  const text = drawn.toString(encoding, 0, bytes)
  drawn.fill(0, 0, bytes)
  drawn = drawn.subarray(bytes)
  return text
}

/** Checks a task's key. A task without a key takes the shown key. TASK_KEY_MISSING, TASK_KEY_WRONG. */
export function keyedTask(task: TaskRecord, key: string | undefined): TaskRecord {
  if (!key) throw catalogueError('TASK_KEY_MISSING', { id: task.taskId })
  if (task.key === '') return { ...task, key }
  if (!timingSafeEqual(digest(task.key), digest(key))) throw catalogueError('TASK_KEY_WRONG', { id: task.taskId })
  return task
}

/** A digest has the same length for each key, which `timingSafeEqual` needs. */
function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}

export interface KeyHash {
  readonly salt: string
  readonly keyHash: string
}

/** Hashes a compute's key for storage: the key can be checked by the hash, and not recovered from it. */
export function hashKey(key: string, salt = randomBytes(16).toString('hex')): KeyHash {
  return { salt, keyHash: createHash('sha256').update(salt).update(key).digest('hex') }
}

export function isKey({ salt, keyHash }: KeyHash, key: string): boolean {
  return timingSafeEqual(Buffer.from(hashKey(key, salt).keyHash), Buffer.from(keyHash))
}
