export { fedAsync } from './fed-async.ts'
export { fedBuff } from './fed-buff.ts'
