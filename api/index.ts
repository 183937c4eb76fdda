export type { StoreSetting } from './compose.ts'
export { openApi } from './openapi.ts'
export { operations } from './operations/operations.ts'
export { type RunningServer, type ServerOptions, startServer } from './start-server.ts'
