export { indexedDbDurable } from './indexeddb-durable.ts'
export { indexedDbStore } from './indexeddb-store.ts'
