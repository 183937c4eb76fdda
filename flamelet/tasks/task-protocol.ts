import { type StoreCall, storeCall } from '../../actors/deployers/job-process/index.ts'
import {
  type ActorRef,
  decodePackedError,
  isActorRef,
  isCount,
  isObject,
  type PackedError,
} from '../../runtime/index.ts'

/** All that a task's process is told at its start, as an argument that other accounts may read. */
export interface TaskSetup {
  /** Names of the process's node and of the flamelet's. */
  readonly node: string
  readonly incarnation: number
  readonly parent: string
  /** The workload's file, as a URL, and the file with the URL of its bundle. */
  readonly module: string
  readonly bundleFile: string
  /** Paths of the task's datasets, by name. */
  readonly paths: Readonly<Record<string, string>>
  /** Longest time of a training. */
  readonly roundLimitMs: number
}

/** Messages from a task's process to the flamelet. The job's code runs there, so that anything may come. */
export type FromTask =
  /** A call of the store, on the state of the task's role. */
  | { readonly type: 'store'; readonly call: StoreCall; readonly replyTo: ActorRef<StoreAnswer> }
  /** The process isn't blocked. */
  | { readonly type: 'alive' }
  /** A training of this round is done. */
  | { readonly type: 'trained'; readonly round: number }

export interface StoreAnswer {
  readonly value?: unknown
  readonly error?: PackedError
}

/** A process says this often that it isn't blocked. */
export const aliveEveryMs = 1000

export function decodeFromTask(value: unknown): FromTask | undefined {
  if (!isObject(value) || !('type' in value)) return undefined
  if (value.type === 'alive') return { type: 'alive' }
  if (value.type === 'trained')
    return 'round' in value && isCount(value.round) ? { type: 'trained', round: value.round } : undefined
  if (value.type !== 'store' || !('call' in value) || !('replyTo' in value)) return undefined
  const call = storeCall.safeParse(value.call)
  const { replyTo } = value
  return call.success && isActorRef<StoreAnswer>(replyTo) ? { type: 'store', call: call.data, replyTo } : undefined
}

export function decodeStoreAnswer(value: unknown): StoreAnswer | undefined {
  if (!isObject(value)) return undefined
  if ('error' in value) {
    const error = decodePackedError(value.error)
    return error && { error }
  }
  return { value: 'value' in value ? value.value : undefined }
}
