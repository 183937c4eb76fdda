import { setMaxListeners } from 'node:events'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { TlsOptions } from 'node:tls'
import { type Ask, type ControlPlaneMessage, inContext, type RequestContext } from '../actors/index.ts'
import { CodedError, isStoreTrouble } from '../runtime/index.ts'
import { assertOwn, assertScope, challengeOf, scopeFor } from './auth/authority.ts'
import type { Gate } from './auth/gate.ts'
import type { LocalAccounts } from './auth/local-accounts.ts'
import { apiError, storeTroubles } from './errors.ts'
import { type BodyLimits, letBe, readJson } from './http/body.ts'
import { type Bounds, boundedBy, requestTurns } from './http/bounds.ts'
import { excludedIn, idempotencyKeyIn, matchesIn } from './http/conditions.ts'
import { heldConnections } from './http/connections.ts'
import { beginExchange, type Exchange, exchangeOf } from './http/exchange.ts'
import { readForm } from './http/form.ts'
import { allowPage, answersPreflight, foreignSource, hostOf } from './http/origins.ts'
import { problemBody, problemOf } from './http/problem.ts'
import { respond, send, sendJson } from './http/respond.ts'
import { addressOf, type Handler, paramsOf, restServer } from './http/rest-server.ts'
import { hidingOf } from './http/server-paths.ts'
import type { Log } from './log.ts'
import type { AuditTrail } from './observe/audit-trail.ts'
import type { Metrics } from './observe/metrics.ts'
import { observeRequest, turnedAwayObserver } from './observe/observers.ts'
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
  /** Certificate and key: the server then speaks https alone. */
  readonly tls?: TlsOptions | undefined
  /** Folders whose place on this machine only administrators are told. */
  readonly hidden: readonly string[]
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
  tls,
  hidden,
}: ApiOptions): Server {
  // Each stream listens to it.
  setMaxListeners(0, closing)
  const bounds = boundedBy(limits, { toldApart: gate !== undefined })
  const description = JSON.stringify(openApi(operations, { authenticated: gate !== undefined }))

  const observeTurnedAway = turnedAwayObserver({ log, metrics })

  const rest = restServer({
    log,
    tls,
    refuse,
    receive(request, response, route) {
      const isOpen = !gate || isForAll(request) || (request.method === 'OPTIONS' && origins.length > 0)
      const lack = isOpen ? undefined : gate.lack(request.headers)
      const group = groupOf(request, lack)
      connections.note(request, response, group)
      takeTurn(group, () => {
        // Its caller is gone. Nothing was begun for it.
        if (response.destroyed || request.socket.destroyed) return
        if (lack) void turnAway(request, response, lack)
        else route()
      })
    },
    begin(request, response) {
      observeRequest(beginExchange(request, response), request, response, { log, metrics })
      beginAnswer(request, response)
      const host = hostOf(request)
      // A page of another site has no token.
      const from = gate ? undefined : foreignSource(host, request.headers, origins, tls !== undefined)
      if (from !== undefined) throw apiError('API_FOREIGN', { from })
      return answersPreflight(request, response, origins)
    },
  })
  const connections = heldConnections(rest.node, (caller) => takeTurn(caller, () => {}))
  const takeTurn = requestTurns({
    ...connections,
    hasAccepted: () => connections.hasAccepted() || accounts?.isLooking === true,
  })
  for (const operation of operations) {
    const path = operation.path.replace(/\{(\w+)\}/g, ':$1')
    mount(operation.method, path, operation.id, async (request, response) => {
      await admit(request, response, operation)
      const { answer, keep } = await performed(request, response, operation)
      await keep?.()
      // Not waited for by the caller: that it was asked for is noted.
      if (operation.method !== 'get') trail.answered(request, operation.status)
      if (answer.type === 'events') beginStream(request, response)
      const isAdmin = exchangeOf(request).caller?.scopes.includes('admin') === true
      const hide = isAdmin ? undefined : hidingOf(operation.id, hidden)
      return respond(request, response, operation, answer, { closing, heartbeatMs, hide })
    })
  }
  mount('get', '/openapi.json', 'openapi', async (_, response) => send(response, 200, 'application/json', description))
  mount('get', '/healthz', 'healthz', async (_, response) => sendJson(response, 200, { status: 'up' }))
  mount('get', '/readyz', 'readyz', async (request, response) => {
    await assertReady(request)
    sendJson(response, 200, { status: 'ready' })
  })
  mount('get', '/metrics', 'metrics', async (request, response) => {
    await admit(request, response)
    send(response, 200, metrics.contentType, await metrics.text())
  })
  if (accounts) rest.node.on('connection', accounts.watch)
  return rest.node

  function beginAnswer(request: IncomingMessage, response: ServerResponse): void {
    response.setHeader('x-content-type-options', 'nosniff')
    if (closing.aborted) response.setHeader('connection', 'close')
    allowPage(request, response, origins)
  }

  /** The group of a caller, for turns that alternate between groups. All tokens that were never good are one group. */
  function groupOf({ headers }: IncomingMessage, lack: CodedError | undefined): string {
    if (lack) return 'without a token'
    const user = gate?.known(headers)
    return user === undefined ? 'unknown' : `user ${user}`
  }

  /** Refuses a request before its route is looked for, at as little cost as can be. */
  async function turnAway(request: IncomingMessage, response: ServerResponse, lack: CodedError): Promise<void> {
    try {
      observeTurnedAway(beginExchange(request, response), request, lack.code)
      beginAnswer(request, response)
      await refuse(request, response, lack)
    } catch (cause) {
      log.error({ err: cause }, 'a refusal failed')
      response.destroy()
    }
  }

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
    const exchange = exchangeOf(request)
    bounds.enter('streams', callerIn(exchange), response)
    exchange.isStream = true
    metrics.beginStream()
  }

  /** Finds the caller and checks the caller's right to the operation, or to metrics. Gives the request a place. */
  async function admit(request: IncomingMessage, response: ServerResponse, operation?: Operation): Promise<void> {
    const exchange = exchangeOf(request)
    const needed = operation ? scopeFor[operation.auth] : 'metrics'
    await accounts?.admit(request.socket)
    if (gate) {
      const caller = await gate.admit(request.headers)
      exchange.caller = caller
      assertScope(caller, needed)
      const { user } = paramsOf(request)
      if (user !== undefined) assertOwn(caller, user)
    }
    const isKept = needed === 'admin' || needed === 'metrics' || exchange.caller?.scopes.includes('admin') === true
    const kind = operation && waits(operation, request) ? 'polls' : isKept ? 'kept' : 'requests'
    bounds.enter(kind, callerIn(exchange), response)
  }

  async function performed(
    request: IncomingMessage,
    response: ServerResponse,
    operation: Operation,
  ): Promise<Performed> {
    const { body } = operation
    const { requestId, caller } = exchangeOf(request)
    const { headers } = request
    const changes = operation.method !== 'get'
    const ifMatch = changes ? matchesIn(headers) : undefined
    const ifNoneMatch = changes ? excludedIn(headers) : undefined
    const key = changes ? idempotencyKeyIn(headers) : undefined
    const context = { requestId, ...(ifMatch ? { ifMatch } : {}), ...(ifNoneMatch ? { ifNoneMatch } : {}) }
    // Not before: a caller that is refused earlier need not send the body.
    if (body && headers.expect !== undefined && request.httpVersion === '1.1') response.writeContinue()
    const call = {
      params: paramsOf(request),
      query: queryOf(request),
      body:
        body &&
        (await (body.type === 'json'
          ? readJson(request, { bytes: limits.jsonBytes, stallMs: limits.stallMs })
          : readForm(request, { bytes: limits.formBytes, stallMs: limits.stallMs }, body.files))),
      apiKey: headerOf(headers['x-api-key']),
      caller,
      lastEventId: headerOf(headers['last-event-id']),
    }
    const perform = async (context: RequestContext) => {
      const asking = inContext(ask, context)
      if (!changes) return operation.perform(asking, call)
      let noted: Promise<unknown> | undefined
      // Noted once the call is decoded: a refusal before that costs no write.
      const noting: typeof ask = (message) => {
        noted ??= trail.asked(request)
        return asking(message)
      }
      const performing = operation.perform(noting, call)
      const [answer] = await Promise.all([performing, noted])
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
    if (problem.status === 500 || problem.code === 'API_KEYS_UNUSABLE')
      log.error({ requestId, operation, err: cause }, 'a request failed')
    metrics.refused(problem.code)
    // A failed read that was let through is no refusal.
    if (problem.status < 500 || !reads(request)) trail.refused(request, problem.status)
    // An answer that has begun can only be cut off: its length tells that it isn't whole.
    if (response.headersSent) return void response.destroy()
    if (problem.code === 'API_BODY_STALLED') response.setHeader('connection', 'close')
    else if (!request.complete) letBe(request)
    if (problem.status === 429) response.setHeader('retry-after', '1')
    if (cause instanceof CodedError && cause.code === 'API_RANGE')
      response.setHeader('content-range', `bytes */${cause.values.size}`)
    const challenge = challengeOf(problem.status, problem.code)
    if (challenge !== undefined) response.setHeader('www-authenticate', challenge)
    const { type, text } = problemBody(problem, request.headers.accept)
    send(response, problem.status, type, text)
  }
}

/** Who is counted as one: the user of a token, or an address where nobody is asked. */
function callerIn({ caller, address }: Exchange): string {
  return caller?.user ?? address
}

function queryOf(request: IncomingMessage): Readonly<Record<string, string>> {
  const { search, searchParams } = addressOf(request)
  return search === '' ? {} : Object.fromEntries(searchParams)
}

/** Whether a request waits for something to do. */
function waits({ query }: Operation, request: IncomingMessage): boolean {
  return 'waitMs' in query.shape && Number(addressOf(request).searchParams.get('waitMs')) > 0
}

/** Answered to callers without a token, too. */
const openPaths: readonly string[] = ['/healthz', '/readyz', '/openapi.json']

function isForAll(request: IncomingMessage): boolean {
  const { url = '' } = request
  // Of thousands that come at once, each is asked for this before any has its turn: as a rule no URL is parsed.
  const path = url.startsWith('/') ? url.replace(/\?.*/s, '') : addressOf(request).pathname
  return openPaths.includes(path.replace(/\/$/, ''))
}

function reads({ method = '' }: IncomingMessage): boolean {
  return method === 'GET' || method === 'HEAD'
}

/** Of a header that may come once only. */
function headerOf(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

const verbs = { get: 'GET', post: 'POST', put: 'PUT', delete: 'DELETE' } as const
