export {
  memoryStore,
  seededScheduler,
  type VirtualClock,
  virtualClock,
} from '../../runtime/index.ts'
export * from './killed-store.ts'
export * from './rehearsal.ts'
export * from './role-stage.ts'
export * from './seeds.ts'
export * from './tiny-pool.ts'
