export {
  type BrowserFlamelet,
  type BrowserFlameletOptions,
  browserFlamelet,
  type PageDataset,
} from './browser-flamelet.ts'
export type { ConnectionProgress, FlameletProgress } from './progress.ts'
export { flameletInWorker, serveFlamelet, type WorkerFlameletOptions } from './worker-flamelet.ts'
