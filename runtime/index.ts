export * from './decoding/guards.ts'
export { decode, encode } from './durable/codec.ts'
export { isStoreTrouble, isStoreTroubleCode, type StoreTroubleCode } from './durable/errors.ts'
export { nextIncarnation } from './durable/incarnation.ts'
export { memoryStore } from './durable/memory-store.ts'
export type * from './durable/store.ts'
export { type StoreWatch, watchedStore } from './durable/watched-store.ts'
export { noteWrite, writesSettled } from './durable/writes-in-flight.ts'
export * from './errors/index.ts'
export { isActorRef } from './kernel/addressee.ts'
export {
  type Clock,
  type ManualClock,
  manualClock,
  systemClock,
  type VirtualClock,
  virtualClock,
} from './kernel/clocks.ts'
export type * from './kernel/protocol.ts'
export { actorSystem } from './kernel/system.ts'
export { seededScheduler } from './kernel/turns.ts'
export * from './link/index.ts'
