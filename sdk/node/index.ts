export * from '../data/node-idx.ts'
export { fileRegistry } from '../registry/node-file-registry.ts'
export * from './load-workload.ts'
export * from './worker-pool.ts'
