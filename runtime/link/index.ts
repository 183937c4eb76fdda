export { isNodeEnd } from './errors.ts'
export type { FrameKind, LaneName, PerLane, Route, RouteListener } from './frame.ts'
export { memoryRoute } from './memory-route.ts'
export { type NodeLink, type NodeLinkOptions, nodeLink, type Peer, type PeerRights } from './node-link.ts'
