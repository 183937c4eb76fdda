export { mongodbStore } from './mongodb-store.ts'
