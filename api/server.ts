import { createServer, type Request, type Response } from 'restify'
import { type Ask, type ControlPlaneMessage, inContext } from '../actors/index.ts'
import { apiError } from './errors.ts'
import { type BodyLimits, readForm, readJson } from './http/body.ts'
import { beginExchange, exchangeOf } from './http/exchange.ts'
import { foreignSource } from './http/loopback.ts'
import { problemBody, problemOf } from './http/problem.ts'
import { respond, send, sendJson } from './http/respond.ts'
import type { Log } from './observe/log.ts'
import type { Metrics } from './observe/metrics.ts'
import { observeRequest } from './observe/observe-requests.ts'
import { openApi } from './openapi.ts'
import type { Answer, Operation } from './operation.ts'

export interface ApiOptions {
  readonly ask: Ask<ControlPlaneMessage>
  readonly operations: readonly Operation[]
  readonly limits: BodyLimits
  readonly log: Log
  readonly metrics: Metrics
  /** Aborted when the server takes no more requests. */
  readonly closing: AbortSignal
}

/** An API that isn't listening yet. */
export type Api = ReturnType<typeof createServer>

/** Mounts the operations. Every path is there with a slash at its end too, which existing clients send. */
export function apiServer({ ask, operations, limits, log, metrics, closing }: ApiOptions): Api {
  const server = createServer({ name: 'flame-fl', ignoreTrailingSlash: true })
  const description = JSON.stringify(openApi(operations))

  server.pre((request, response, next) => {
    observeRequest(beginExchange(request, response), request, response, { log, metrics })
    if (closing.aborted) response.setHeader('connection', 'close')
    const from = foreignSource(request.headers)
    if (from === undefined) return next()
    refuse(request, response, apiError('API_FOREIGN', { from }))
    return next(false)
  })
  for (const operation of operations) {
    const path = operation.path.replace(/\{(\w+)\}/g, ':$1')
    mount(operation.method, path, operation.id, async (request, response) =>
      respond(request, response, operation, await performed(request, operation)),
    )
  }
  mount('get', '/openapi.json', 'openapi', async (_, response) => send(response, 200, 'application/json', description))
  mount('get', '/healthz', 'healthz', async (_, response) => sendJson(response, 200, { status: 'up' }))
  mount('get', '/readyz', 'readyz', async (request, response) => {
    await assertReady(request)
    sendJson(response, 200, { status: 'ready' })
  })
  mount('get', '/metrics', 'metrics', async (_, response) =>
    send(response, 200, metrics.contentType, await metrics.text()),
  )
  server.on('restifyError', (request: Request, response: Response, cause: unknown, done: () => void) => {
    refuse(request, response, routingError(request, cause))
    done()
  })
  return server

  function mount(
    method: Operation['method'],
    path: string,
    name: string,
    handle: (request: Request, response: Response) => Promise<void>,
  ): void {
    server[method === 'delete' ? 'del' : method](path, async (request: Request, response: Response) => {
      exchangeOf(request).operation = name
      try {
        await handle(request, response)
      } catch (cause) {
        refuse(request, response, cause)
      }
    })
  }

  async function performed(request: Request, operation: Operation): Promise<Answer> {
    const { body } = operation
    const { requestId } = exchangeOf(request)
    return operation.perform(inContext(ask, { requestId }), {
      params: request.params,
      query: Object.fromEntries(new URLSearchParams(request.getQuery())),
      body:
        body &&
        (await (body.type === 'json' ? readJson(request, limits.jsonBytes) : readForm(request, limits.formBytes))),
      apiKey: request.header('x-api-key'),
    })
  }

  async function assertReady(request: Request): Promise<void> {
    if (closing.aborted) throw apiError('API_NOT_READY', { reason: 'it is closing' })
    try {
      const { requestId } = exchangeOf(request)
      await inContext(ask, { requestId })<null>((replyTo) => ({ type: 'probe', replyTo }))
    } catch (cause) {
      log.warn({ requestId: exchangeOf(request).requestId, err: cause }, 'not ready')
      throw apiError('API_NOT_READY', { reason: 'its store does not answer' }, { cause })
    }
  }

  function refuse(request: Request, response: Response, cause: unknown): void {
    const problem = problemOf(cause)
    const exchange = exchangeOf(request)
    const { requestId, operation } = exchange
    exchange.code = problem.code
    if (problem.status === 500) log.error({ requestId, operation, err: cause }, 'a request failed')
    // An answer that has begun can only be cut off: its length tells that it isn't whole.
    if (response.headersSent) return void response.destroy()
    // What is left of a body that was refused isn't read: the connection can't serve another request.
    if (!request.complete) response.setHeader('connection', 'close')
    const { type, text } = problemBody(problem, request.headers.accept)
    send(response, problem.status, type, text)
  }
}

/** What the router refuses, as an error of this layer's table. */
function routingError(request: Request, cause: unknown): unknown {
  const { method = '' } = request
  const status = typeof cause === 'object' && cause !== null && 'statusCode' in cause ? cause.statusCode : 500
  if (status === 404) return apiError('API_NOT_FOUND', { path: request.getPath() })
  if (status === 405) return apiError('API_METHOD', { method, path: request.getPath() })
  if (typeof status === 'number' && status < 500)
    return apiError('API_BAD_REQUEST', { found: cause instanceof Error ? cause.message : status }, { cause })
  return cause
}
