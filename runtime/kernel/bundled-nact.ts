/**
 * The parts of nact that the dispatcher needs, for pages: package.json maps `#nact` to this module in a browser. The build
 * replaces this module by a bundle with nact in it, and with substitutes for Node's modules (scripts/bundles.js).
 */
import type * as nact from 'nact'
// @ts-expect-error: nact's types are of its entry, which would load persistence and monitoring too.
import actors from 'nact/lib/actor.js'
// @ts-expect-error: as above.
import functions from 'nact/lib/functions.js'
// @ts-expect-error: as above.
import systems from 'nact/lib/system.js'

export const start: typeof nact.start = systems.start
export const spawn: typeof nact.spawn = actors.spawn
export const dispatch: typeof nact.dispatch = functions.dispatch
export const stop: typeof nact.stop = functions.stop
