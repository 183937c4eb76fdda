import type { PackedError } from '../../runtime/index.ts'
import type { LogEntry } from '../../sdk/index.ts'

/**
 * The flamelet's way to its server. `waiting`: another page of this browser is the flamelet, and this page takes its place when
 * that one ends. `refused` and `ended` are final.
 */
export interface ConnectionProgress {
  readonly type: 'connection'
  readonly state: 'waiting' | 'connecting' | 'open' | 'refused' | 'ended'
  /** Why there is no connection. */
  readonly cause?: PackedError
}

/** News of a flamelet, for the view of a page: plain data, which may be sent to another thread. */
export type FlameletProgress =
  | ConnectionProgress
  /** The server knows the flamelet, and may give it tasks. */
  | { readonly type: 'registered'; readonly server: string; readonly compute: string }
  | { readonly type: 'hosting'; readonly job: string; readonly ends: readonly string[] }
  /** Tasks are hosted here no more, or were refused for a cause. */
  | {
      readonly type: 'not-hosting'
      readonly job: string
      readonly ends: readonly string[]
      readonly cause?: PackedError
    }
  | { readonly type: 'training'; readonly job: string; readonly end: string; readonly round: number }
  | {
      readonly type: 'trained'
      readonly job: string
      readonly end: string
      readonly round: number
      readonly samples: number
      readonly metrics: Readonly<Record<string, number>>
    }
  | { readonly type: 'completed'; readonly job: string; readonly end: string }
  | { readonly type: 'failed'; readonly job: string; readonly end: string; readonly cause: PackedError }
  | { readonly type: 'log'; readonly job: string; readonly end: string; readonly entry: LogEntry }

export type OnProgress = (progress: FlameletProgress) => void
