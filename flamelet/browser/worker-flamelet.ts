import { type PackedError, packError, unpackError } from '../../runtime/index.ts'
import type { Workload } from '../../sdk/index.ts'
import { type BrowserFlamelet, type BrowserFlameletOptions, browserFlamelet } from './browser-flamelet.ts'
import { pageError } from './errors.ts'
import type { FlameletProgress } from './progress.ts'

/** What a page tells its worker. The worker has the workload. */
export type WorkerFlameletOptions = Omit<BrowserFlameletOptions, 'workload' | 'store'>

type ToWorker =
  | { readonly type: 'join'; readonly options: Omit<WorkerFlameletOptions, 'onProgress'> }
  | { readonly type: 'leave' }

type ToPage =
  | { readonly type: 'progress'; readonly progress: FlameletProgress }
  | { readonly type: 'ended'; readonly cause?: PackedError }

/** Waits in a worker for the page's `flameletInWorker`, and is its flamelet. Call this in the worker's module. */
export function serveFlamelet({ workload }: { readonly workload: Workload }): void {
  let flamelet: BrowserFlamelet | undefined
  const tell = (message: ToPage) => postMessage(message)
  addEventListener('message', ({ data }: MessageEvent<ToWorker>) => {
    if (data.type === 'leave') return void flamelet?.leave().catch(() => {})
    if (flamelet) return
    const onProgress = (progress: FlameletProgress) => tell({ type: 'progress', progress })
    flamelet = browserFlamelet({ ...data.options, workload, onProgress })
    flamelet.ended.then(
      () => tell({ type: 'ended' }),
      (cause: unknown) => tell({ type: 'ended', cause: packError(cause) }),
    )
  })
}

/**
 * Joins a server as a flamelet that runs in a worker, whose module calls `serveFlamelet`. The page hears of its progress by
 * `onProgress`. The worker ends with the flamelet. `ended` rejects with PAGE_WORKER if the worker's module can't run.
 */
export function flameletInWorker(
  worker: Worker,
  { onProgress = () => {}, url = location.origin, ...options }: WorkerFlameletOptions,
): BrowserFlamelet {
  const tell = (message: ToWorker) => worker.postMessage(message, [])
  const ended = new Promise<void>((resolve, reject) => {
    worker.addEventListener('message', ({ data }: MessageEvent<ToPage>) => {
      if (data.type === 'progress') return onProgress(data.progress)
      if (data.cause) reject(unpackError(data.cause))
      else resolve()
    })
    worker.addEventListener('error', ({ message }) =>
      reject(pageError('PAGE_WORKER', { reason: message || 'its module cannot be loaded' })),
    )
  }).finally(() => worker.terminate())
  tell({ type: 'join', options: { ...options, url: String(new URL(url, location.href)) } })
  return {
    ended,
    leave() {
      tell({ type: 'leave' })
      return ended
    },
  }
}
