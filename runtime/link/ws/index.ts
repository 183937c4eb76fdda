export { type AcceptedWebSockets, acceptWebSockets, type WebSocketAcceptOptions } from './node-accept.ts'
export { dialWebSocket, type WebSocketDialOptions } from './node-dial.ts'
