/**
 * The parts of nact that the dispatcher needs, for pages: package.json maps `#nact` to this module in a browser. The build
 * replaces this module by a bundle with nact in it, and with substitutes for Node's modules (scripts/bundles.js).
 */
export { dispatch, spawn, start, stop } from 'nact'
