import { IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { TlsOptions } from 'node:tls'
import { apiError } from '../errors.ts'
import type { Log } from '../log.ts'
import { RestifyRouter, RestifyServer } from './bundled-restify.ts'
import { tlsServer } from './tls-server.ts'

export type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>

export interface RestHandlers {
  /** Hears of each request first, and answers it or routes it, now or later. Default: routes it at once. */
  receive?(request: IncomingMessage, response: ServerResponse, route: () => void): void
  /** Hears of each request before its route is looked for. True if it has answered; an error that it throws becomes a refusal. */
  begin(request: IncomingMessage, response: ServerResponse): boolean
  /** Answers a request that no route takes, or whose handler has thrown. */
  refuse(request: IncomingMessage, response: ServerResponse, cause: unknown): Promise<void>
  readonly log: Log
  /** Certificate and key: the server then speaks https alone. */
  readonly tls?: TlsOptions | undefined
}

export interface RestServer {
  readonly node: Server
  /** `/a/:name`, with a slash at its end and without. */
  mount(method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE', path: string, handle: Handler): void
}

/**
 * A server that isn't listening yet. It uses restify's routing alone: each answer is the handlers' own, no header names the
 * software, the version that a request asks for is ignored, and a request to change the protocol is answered as any other.
 */
export function restServer({ receive, begin, refuse, log, tls }: RestHandlers): RestServer {
  const settings = { name: '', log, ignoreTrailingSlash: true, noWriteContinue: true }
  const restify = new RestifyServer({ ...settings, router: new RestifyRouter(settings) })
  const { server: plain } = restify
  const node = tls ? tlsServer(tls) : plain
  // Restify takes these over and does nothing with them: their connections would stay open, unanswered, for ever.
  node.removeAllListeners('upgrade')
  // Not as a handler of restify, of which each takes two more steps of the event loop's queue.
  for (const event of ['request', 'checkContinue']) {
    const routes = plain.listeners(event)
    node.removeAllListeners(event)
    node.on(event, (request: IncomingMessage, response: ServerResponse) => {
      const route = () => {
        if (begun(request, response)) for (const route of routes) route.call(node, request, response)
      }
      if (receive) receive(request, response, route)
      else route()
    })
  }
  // Listeners of Node's own event hear the error. Restify throws an error without a listener.
  restify.on('error', () => {})
  // Restify isn't told that the error is dealt with: it would send an answer of its own.
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

  /** Begins a request; false if the request is answered or refused by this, and so has no route. */
  function begun(request: IncomingMessage, response: ServerResponse): boolean {
    try {
      if (begin(request, response)) return false
      // Restify would answer a question about the whole server by itself.
      if (request.url === '*') throw apiError('API_NOT_FOUND', { path: '*' })
      return true
    } catch (cause) {
      void refused(request, response, cause)
      return false
    }
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

/** The part of a request's address that routes and operations look at. */
export type Address = Readonly<Pick<URL, 'pathname' | 'search' | 'searchParams'>>

/** The address of each request is asked for several times, and parsed once. */
const addresses = new WeakMap<object, Address>()
const noSearch = new URLSearchParams()

/** A path that a parser leaves as the path is: without a query, an escaped character or a segment of dots. */
const plainPath = /^(?:\/(?!\.{1,2}(?:\/|$))[\w.~-]+)+\/?$/

/** The path and the query of a request, without its host. A text that is no address has a path that no route has. */
export function addressOf(request: Pick<IncomingMessage, 'url'>): Address {
  const { url = '' } = request
  if (plainPath.test(url)) return { pathname: url, search: '', searchParams: noSearch }
  const present = addresses.get(request) ?? parsedAddress(url)
  addresses.set(request, present)
  return present
}

// Restify's own finds the path by the header Host, and throws where the header is no host.
Object.assign(IncomingMessage.prototype, {
  getUrl(this: IncomingMessage) {
    return addressOf(this)
  },
})

function parsedAddress(url: string): URL {
  const address = url.startsWith('/') ? `http://localhost${url}` : url
  return URL.canParse(address)
    ? new URL(address)
    : new URL(`http://localhost/${encodeURIComponent(url.replace(/\p{Cs}/gu, '\ufffd'))}`)
}

/** The parameters in the path of a request whose route is found, decoded. */
export function paramsOf(request: IncomingMessage): Readonly<Record<string, string>> {
  const found: object = Object('params' in request ? request.params : undefined)
  const named: Record<string, string> = {}
  for (const [name, value] of Object.entries(found)) if (typeof value === 'string') named[name] = value
  return named
}

/** A refusal of the router, as an error of this layer's table. */
function routingError(request: IncomingMessage, cause: unknown): unknown {
  const { method = '' } = request
  const { pathname: path } = addressOf(request)
  const status = cause instanceof Error && 'statusCode' in cause ? cause.statusCode : undefined
  if (status === 404) return apiError('API_NOT_FOUND', { path })
  if (status === 405) return apiError('API_METHOD', { method, path })
  return cause
}
