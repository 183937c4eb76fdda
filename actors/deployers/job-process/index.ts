export { canConfine, confinement, startCodeProcess } from './code-process.ts'
export { answerStoreCall, jobStore } from './job-store.ts'
export { type StoreCall, storeCall } from './protocol.ts'
