export { type FaultProxy, type FaultProxyOptions, faultProxy } from './fault-proxy.ts'
export type { Faults } from './faulty-stream.ts'
export { resetSocket } from './reset-socket.ts'
