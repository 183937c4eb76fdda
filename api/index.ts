export { openApi } from './openapi.ts'
export { operations } from './operations/operations.ts'
export { type RunningServer, type ServerOptions, startServer } from './start-server.ts'
export { type StoreSetting, storeSetting } from './store-setting.ts'
