export type * from './durable/store.ts'
export { CodedError, type ErrorEntry, errorFactory } from './errors.ts'
export type { Clock, ManualClock, VirtualClock } from './kernel/clock.ts'
export type * from './kernel/protocol.ts'
