import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import { apiError } from '../errors.ts'
import type { Log } from '../log.ts'

export type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>

export interface RestHandlers {
  /** Hears of each request first, and answers it or routes it, now or later. Default: routes it at once. */
  receive?(request: IncomingMessage, response: ServerResponse, route: () => void): void
  /** Hears of each request before its route is looked for. True if it has answered; what it throws is refused. */
  begin(request: IncomingMessage, response: ServerResponse): boolean
  /** Answers a request that no route takes, or whose handler has thrown. */
  refuse(request: IncomingMessage, response: ServerResponse, cause: unknown): Promise<void>
  readonly log: Log
}

export interface RestServer {
  readonly node: Server
  /** `/a/:name`, with a slash at its end and without. */
  mount(method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE', path: string, handle: Handler): void
}

/** As much of restify as is used. Its own types are of an earlier version, and of the whole. */
interface Restify {
  readonly server: Server
  on(event: 'error', listener: () => void): unknown
  on(event: 'restifyError', listener: (...args: [IncomingMessage, ServerResponse, unknown]) => void): unknown
  first(handler: (request: IncomingMessage) => void): unknown
  pre(handler: (...args: [IncomingMessage, ServerResponse, (end?: false | Error) => void]) => void): unknown
  get: Mount
  head: Mount
  post: Mount
  put: Mount
  del: Mount
}
type Mount = (path: string, handle: Handler) => unknown
interface RestifySettings {
  /** Named in the header Server, unless it's empty. */
  readonly name: string
  readonly log: Log
  readonly ignoreTrailingSlash: boolean
  /** Who waits with a body until it's wanted (`Expect: 100-continue`) isn't told so by restify. */
  readonly noWriteContinue: boolean
}

const require = createRequire(import.meta.url)
// Restify's entry loads every plugin, with parsers of forms and signatures that nobody asks here: 260 modules more.
const RestifyServer: new (options: RestifySettings & { router: object }) => Restify = require('restify/lib/server.js')
const RestifyRouter: new (options: RestifySettings) => object = require('restify/lib/router.js')

/**
 * A server that isn't listening yet, of restify's routing and nothing else of its: each answer is the handlers' own, no
 * header tells what answers, a version that a request asks for means nothing, and a request to change the protocol is
 * answered as any other.
 */
export function restServer({ receive, begin, refuse, log }: RestHandlers): RestServer {
  const settings = { name: '', log, ignoreTrailingSlash: true, noWriteContinue: true }
  const restify = new RestifyServer({ ...settings, router: new RestifyRouter(settings) })
  const { server: node } = restify
  // Restify takes these over and does nothing with them: their connections would stay open, unanswered, for ever.
  node.removeAllListeners('upgrade')
  if (receive)
    for (const event of ['request', 'checkContinue']) {
      const routes = node.listeners(event)
      node.removeAllListeners(event)
      node.on(event, (request: IncomingMessage, response: ServerResponse) =>
        receive(request, response, () => {
          for (const route of routes) route.call(node, request, response)
        }),
      )
    }
  // Whoever listens to Node's own hears it. Restify throws what nobody hears of it.
  restify.on('error', () => {})
  // Restify finds the path by the header Host, and throws where it can't.
  restify.first((request) => void Object.assign(request, { getUrl: () => addressOf(request) }))
  restify.pre((request, response, next) => {
    try {
      if (begin(request, response)) return next(false)
      // Restify would answer a question about the whole server by itself.
      if (request.url === '*') throw apiError('API_NOT_FOUND', { path: '*' })
      next()
    } catch (cause) {
      next(cause instanceof Error ? cause : new Error(String(cause)))
    }
  })
  // It isn't told that this is done: it would answer by itself, in words of its own.
  restify.on(
    'restifyError',
    (request, response, cause) => void refused(request, response, routingError(request, cause)),
  )
  return {
    node,
    mount(method, path, handle) {
      const handler = async (request: IncomingMessage, response: ServerResponse) => {
        try {
          await handle(request, response)
        } catch (cause) {
          await refused(request, response, cause)
        }
      }
      restify[mounts[method]](path, handler)
    },
  }

  /** A refusal that fails itself ends the connection, rather than the process. */
  async function refused(request: IncomingMessage, response: ServerResponse, cause: unknown): Promise<void> {
    try {
      await refuse(request, response, cause)
    } catch (fault) {
      log.error({ err: fault }, 'a refusal failed')
      response.destroy()
    }
  }
}

const mounts = { GET: 'get', HEAD: 'head', POST: 'post', PUT: 'put', DELETE: 'del' } as const

/** The port that a server listens on. */
export function portOf(server: Server): number {
  const address = server.address()
  if (typeof address !== 'object' || !address) throw new TypeError('this server listens on no port')
  return address.port
}

/** Each request's address is asked for several times. */
const addresses = new WeakMap<object, Readonly<URL>>()

/** Path and query that were asked for, wherever they are said to be. What is no address has a path that no route has. */
export function addressOf(request: Pick<IncomingMessage, 'url'>): Readonly<URL> {
  const present = addresses.get(request) ?? parsedAddress(request.url ?? '')
  addresses.set(request, present)
  return present
}

function parsedAddress(url: string): URL {
  const address = url.startsWith('/') ? `http://localhost${url}` : url
  return URL.canParse(address)
    ? new URL(address)
    : new URL(`http://localhost/${encodeURIComponent(url.replace(/\p{Cs}/gu, '\ufffd'))}`)
}

/** The names in the path of a request whose route is found, decoded. */
export function paramsOf(request: IncomingMessage): Readonly<Record<string, string>> {
  const found: unknown = 'params' in request ? request.params : undefined
  const named = Object.entries(Object(found)).flatMap(([name, value]) =>
    typeof value === 'string' ? [[name, value] as const] : [],
  )
  return Object.fromEntries(named)
}

/** What the router refuses, as an error of this layer's table. */
function routingError(request: IncomingMessage, cause: unknown): unknown {
  const { method = '' } = request
  const { pathname: path } = addressOf(request)
  const status = cause instanceof Error && 'statusCode' in cause ? cause.statusCode : undefined
  if (status === 404) return apiError('API_NOT_FOUND', { path })
  if (status === 405) return apiError('API_METHOD', { method, path })
  return cause
}
