export { lmdbStore } from './lmdb-store.ts'
