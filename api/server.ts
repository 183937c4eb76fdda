import { setMaxListeners } from 'node:events'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { type Ask, type ControlPlaneMessage, inContext, type RequestContext } from '../actors/index.ts'
import { CodedError, isStoreTrouble } from '../runtime/index.ts'
import { assertOwn, assertScope, challengeOf } from './auth/authority.ts'
import type { Gate } from './auth/gate.ts'
import type { LocalAccounts } from './auth/local-accounts.ts'
import { type Scope, scopeFor } from './auth/scopes.ts'
import { apiError, storeTroubles } from './errors.ts'
import { type BodyLimits, letBe, readJson } from './http/body.ts'
import { type Bounds, boundedBy } from './http/bounds.ts'
import { excludedIn, idempotencyKeyIn, matchesIn } from './http/conditions.ts'
import { allowPage, answersPreflight } from './http/cors.ts'
import { beginExchange, exchangeOf } from './http/exchange.ts'
import { readForm } from './http/form.ts'
import { foreignSource, hostOf } from './http/loopback.ts'
import { problemBody, problemOf } from './http/problem.ts'
import { respond, send, sendJson } from './http/respond.ts'
import { addressOf, type Handler, paramsOf, restServer } from './http/rest-server.ts'
import type { AuditTrail } from './observe/audit-trail.ts'
import type { Log } from './observe/log.ts'
import type { Metrics } from './observe/metrics.ts'
import { observeRequest } from './observe/observe-requests.ts'
import { type Performed, performOnce } from './once.ts'
import { openApi } from './openapi.ts'
import type { Operation } from './operation.ts'

export interface ApiOptions {
  readonly ask: Ask<ControlPlaneMessage>
  readonly operations: readonly Operation[]
  readonly limits: Limits
  readonly log: Log
  readonly metrics: Metrics
  readonly trail: AuditTrail
  /** After so long a stream without events shows that it's there. */
  readonly heartbeatMs: number
  /** Aborted when the server takes no more requests. */
  readonly closing: AbortSignal
  /** Undefined: nobody is asked who they are. */
  readonly gate: Gate | undefined
  /** Undefined: every account of the machine may call, or shows a token. */
  readonly accounts: LocalAccounts | undefined
  /** Of pages elsewhere that may ask. */
  readonly origins: readonly string[]
}

export type Limits = BodyLimits & Bounds

/** A server that isn't listening yet. Every path is there with a slash at its end too, which existing clients send. */
export function apiServer({
  ask,
  operations,
  limits,
  log,
  metrics,
  trail,
  closing,
  heartbeatMs,
  gate,
  accounts,
  origins,
}: ApiOptions): Server {
  // Each stream listens to it.
  setMaxListeners(0, closing)
  const bounds = boundedBy(limits)
  const description = JSON.stringify(openApi(operations, { authenticated: gate !== undefined }))

  const rest = restServer({
    log,
    refuse,
    begin(request, response) {
      observeRequest(beginExchange(request, response), request, response, { log, metrics })
      if (closing.aborted) response.setHeader('connection', 'close')
      allowPage(request, response, origins)
      const host = hostOf(request.headers)
      bounds.request(addressOf(request).pathname, response)
      // A page of another site has no token.
      const from = gate ? undefined : foreignSource(host, request.headers.origin, origins)
      if (from !== undefined) throw apiError('API_FOREIGN', { from })
      return answersPreflight(request, response, origins)
    },
  })
  for (const operation of operations) {
    const path = operation.path.replace(/\{(\w+)\}/g, ':$1')
    mount(operation.method, path, operation.id, async (request, response) => {
      await admit(request, scopeFor[operation.auth])
      const { answer, keep } = await performed(request, operation)
      await keep?.()
      // Not waited for by the caller: that it was asked for is noted.
      if (operation.method !== 'get') trail.answered(request, operation.status)
      if (answer.type === 'events') beginStream(request, response)
      return respond(request, response, operation, answer, { closing, heartbeatMs })
    })
  }
  mount('get', '/openapi.json', 'openapi', async (_, response) => send(response, 200, 'application/json', description))
  mount('get', '/healthz', 'healthz', async (_, response) => sendJson(response, 200, { status: 'up' }))
  mount('get', '/readyz', 'readyz', async (request, response) => {
    await assertReady(request)
    sendJson(response, 200, { status: 'ready' })
  })
  mount('get', '/metrics', 'metrics', async (request, response) => {
    await admit(request, 'metrics')
    send(response, 200, metrics.contentType, await metrics.text())
  })
  if (accounts) rest.node.on('connection', accounts.watch)
  return rest.node

  function mount(method: Operation['method'], path: string, name: string, handle: Handler): void {
    const handler: Handler = async (request, response) => {
      exchangeOf(request).operation = name
      await handle(request, response)
    }
    rest.mount(verbs[method], path, handler)
    // Answered as GET is; Node leaves the content away.
    if (method === 'get') rest.mount('HEAD', path, handler)
  }

  /** It lasts as long as its job: it's counted among the streams, and not measured. */
  function beginStream(request: IncomingMessage, response: ServerResponse): void {
    bounds.stream(response)
    exchangeOf(request).isStream = true
    metrics.beginStream()
  }

  /** Finds out who is calling, and whether they may. */
  async function admit(request: IncomingMessage, needed: Scope): Promise<void> {
    await accounts?.admit(request.socket)
    if (!gate) return
    const caller = await gate(request.headers)
    exchangeOf(request).caller = caller
    assertScope(caller, needed)
    const { user } = paramsOf(request)
    if (user !== undefined) assertOwn(caller, user)
  }

  async function performed(request: IncomingMessage, operation: Operation): Promise<Performed> {
    const { body } = operation
    const { requestId, caller } = exchangeOf(request)
    const { headers } = request
    const changes = operation.method !== 'get'
    const ifMatch = changes ? matchesIn(headers) : undefined
    const ifNoneMatch = changes ? excludedIn(headers) : undefined
    const key = changes ? idempotencyKeyIn(headers) : undefined
    const context = { requestId, ...(ifMatch ? { ifMatch } : {}), ...(ifNoneMatch ? { ifNoneMatch } : {}) }
    const call = {
      params: paramsOf(request),
      query: Object.fromEntries(addressOf(request).searchParams),
      body:
        body &&
        (await (body.type === 'json'
          ? readJson(request, limits.jsonBytes)
          : readForm(request, limits.formBytes, body.files))),
      apiKey: headerOf(headers['x-api-key']),
      caller,
      lastEventId: headerOf(headers['last-event-id']),
    }
    const perform = async (context: RequestContext) => {
      const performing = operation.perform(inContext(ask, context), call)
      if (!changes) return performing
      const [answer] = await Promise.all([performing, trail.asked(request)])
      return answer
    }
    if (key === undefined) return { answer: await perform(context) }
    return performOnce(ask, { operation, call, key, path: addressOf(request).pathname }, context, perform)
  }

  async function assertReady(request: IncomingMessage): Promise<void> {
    if (closing.aborted) throw apiError('API_NOT_READY', { reason: 'it is closing' })
    try {
      const { requestId } = exchangeOf(request)
      await inContext(ask, { requestId })<null>((replyTo) => ({ type: 'probe', replyTo }))
    } catch (cause) {
      log.warn({ requestId: exchangeOf(request).requestId, err: cause }, 'not ready')
      const reason = isStoreTrouble(cause)
        ? `${cause.code}, ${storeTroubles[cause.code].message}`
        : 'its store does not answer'
      throw apiError('API_NOT_READY', { reason }, { cause })
    }
  }

  async function refuse(request: IncomingMessage, response: ServerResponse, cause: unknown): Promise<void> {
    const problem = problemOf(cause)
    const exchange = exchangeOf(request)
    const { requestId, operation } = exchange
    exchange.code = problem.code
    if (problem.status === 500) log.error({ requestId, operation, err: cause }, 'a request failed')
    // What only reads and was let through, but failed, is no refusal; nor is it one of who asked that there is too much to do.
    if (problem.status !== 429 && (problem.status < 500 || !reads(request)))
      await trail.refused(request, problem.status)
    // An answer that has begun can only be cut off: its length tells that it isn't whole.
    if (response.headersSent) return void response.destroy()
    if (!request.complete) letBe(request)
    if (problem.status === 429) response.setHeader('retry-after', '1')
    if (cause instanceof CodedError && cause.code === 'API_RANGE')
      response.setHeader('content-range', `bytes */${cause.values.size}`)
    const challenge = challengeOf(problem.status, problem.code)
    if (challenge !== undefined) response.setHeader('www-authenticate', challenge)
    const { type, text } = problemBody(problem, request.headers.accept)
    send(response, problem.status, type, text)
  }
}

function reads({ method = '' }: IncomingMessage): boolean {
  return method === 'GET' || method === 'HEAD'
}

/** Of a header that may come once only. */
function headerOf(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

const verbs = { get: 'GET', post: 'POST', put: 'PUT', delete: 'DELETE' } as const
