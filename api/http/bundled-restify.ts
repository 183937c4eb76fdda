/**
 * The parts of restify that the API needs. The build replaces this module by a bundle with those parts in it
 * (scripts/bundles.js), so that users don't install restify and its plugins.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
// @ts-expect-error: Restify has no types, and DefinitelyTyped's are of an earlier version.
import restifyRouter from 'restify/lib/router.js'
// @ts-expect-error: as above.
import restifyServer from 'restify/lib/server.js'

/** The parts of a restify server that are used. */
interface Restify {
  readonly server: Server
  on(event: 'error', listener: () => void): unknown
  on(event: 'restifyError', listener: (...args: [IncomingMessage, ServerResponse, unknown]) => void): unknown
  get: Mount
  head: Mount
  post: Mount
  put: Mount
  del: Mount
}
type Mount = (path: string, handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>) => unknown
interface RestifySettings {
  /** Named in the header Server, unless it's empty. */
  readonly name: string
  readonly log: object
  readonly ignoreTrailingSlash: boolean
  /** Restify leaves a request with `Expect: 100-continue` waiting until its body is read. */
  readonly noWriteContinue: boolean
}

/** Restify's entry would load each plugin too: 260 modules more, with parsers of forms and of signatures. */
export const RestifyServer: new (options: RestifySettings & { router: object }) => Restify = restifyServer
export const RestifyRouter: new (options: RestifySettings) => object = restifyRouter
