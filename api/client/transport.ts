import type { CodedError } from '../../runtime/errors/index.ts'
import { clientError, refusal } from './errors.ts'

/** Options of one call. */
export interface CallOptions {
  readonly signal?: AbortSignal
  /** How long the answer may take. Default: the client's. */
  readonly timeoutMs?: number
  /** Of a compute, for its own operations. */
  readonly apiKey?: string
}

export interface TransportOptions {
  /** Where the control plane answers, such as `http://127.0.0.1:10100`. */
  readonly endpoint: string
  /** Of the user, where the server asks for one. */
  readonly token?: string
  /** How long an answer may take: until it's whole, or until it begins if it's a stream. Default: 30,000. */
  readonly timeoutMs?: number
  /** How often a request is sent at most. Default: 4. */
  readonly attempts?: number
  /** The longest pause between two attempts. Default: 5,000. */
  readonly longestPauseMs?: number
  /** Sends the requests. Default: the platform's. */
  readonly fetch?: typeof fetch
}

export interface Outgoing {
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | FormData
  readonly signal?: AbortSignal
  readonly timeoutMs?: number
  /** Whether the caller reads the answer's body, without a time limit. Otherwise the body is read whole, within the time. */
  readonly streamed?: boolean
}

/** Sends requests, and sends again those that may be. */
export interface Transport {
  readonly endpoint: string
  /**
   * An answer of success. Else a coded error: the server's own, or CLIENT_UNREACHABLE, CLIENT_NO_TLS, CLIENT_TIMEOUT,
   * CLIENT_STATUS. Rejects with the signal's reason once that is aborted.
   */
  send(outgoing: Outgoing): Promise<Response>
}

/** Passing statuses: the server is busy, or a proxy can't reach the server. */
const passingStatuses: readonly number[] = [429, 502, 503, 504]
const firstPauseMs = 100

/** CLIENT_ENDPOINT if the endpoint is none, CLIENT_TOKEN if the token is. */
export function transport({
  endpoint: given,
  token,
  timeoutMs: usualTimeoutMs = 30_000,
  attempts = 4,
  longestPauseMs = 5000,
  fetch: send = fetch,
}: TransportOptions): Transport {
  const endpoint = endpointOf(given)
  // fetch would refuse it, too, and name it in its message.
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) throw clientError('CLIENT_TOKEN')
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }
  return {
    endpoint,
    async send(outgoing) {
      // One key for all attempts: a server that has performed the first attempt answers the second with the first answer.
      const key = outgoing.method === 'GET' ? {} : { 'idempotency-key': newKey() }
      const headers = { accept: 'application/json, application/problem+json', ...authorization, ...key }
      for (let attempt = 1; ; attempt++) {
        const outcome = await sendOnce({ ...outgoing, headers: { ...headers, ...outgoing.headers } })
        if (outcome instanceof Response) return outcome
        if (outcome.pauseMs === undefined || attempt === attempts) throw outcome.cause
        await pause(Math.min(outcome.pauseMs || backoff(attempt), longestPauseMs), outgoing.signal)
      }
    },
  }

  /** The answer, or why there is none, and how long to wait before the next attempt: undefined if none may help. */
  async function sendOnce(outgoing: Outgoing): Promise<Response | { cause: CodedError; pauseMs?: number }> {
    const { method, path, headers, body, signal, streamed, timeoutMs = usualTimeoutMs } = outgoing
    const request = `${method} ${path.replace(/\?.*/, '')}`
    const limit = deadline(timeoutMs, signal)
    try {
      const sent = { method, headers, signal: limit.signal, ...(body === undefined ? {} : { body }) }
      const response = await send(endpoint + path, sent)
      if (response.ok) return streamed ? response : await whole(response)
      const { status } = response
      const cause = refusal(request, status, await response.text())
      return passingStatuses.includes(status) ? { cause, pauseMs: pauseAskedFor(response) } : { cause }
    } catch (cause) {
      if (limit.passed) return { cause: clientError('CLIENT_TIMEOUT', { request, timeoutMs }, { cause }) }
      if (signal?.aborted) throw cause
      if (isNoTls(cause)) return { cause: clientError('CLIENT_NO_TLS', { endpoint }, { cause }) }
      if (isUntrusted(cause))
        return { cause: clientError('CLIENT_CERTIFICATE', { endpoint, reason: reasonOf(cause) }, { cause }) }
      return { cause: clientError('CLIENT_UNREACHABLE', { endpoint, reason: reasonOf(cause) }, { cause }), pauseMs: 0 }
    } finally {
      limit.lift()
    }
  }
}

async function whole(response: Response): Promise<Response> {
  const { status, headers } = response
  const content = await response.arrayBuffer()
  return new Response(content.byteLength === 0 ? null : content, { status, headers })
}

/** Waits, or rejects with the signal's reason. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort)
      resolve()
    }, ms)
    if (signal?.aborted) abort()
    else signal?.addEventListener('abort', abort, { once: true })
  })
}

/** Doubles with each attempt; half of it by chance, so that many clients don't come back together. */
function backoff(attempt: number): number {
  return firstPauseMs * 2 ** (attempt - 1) * (0.5 + Math.random() / 2)
}

/** 0 if the server named no time. */
function pauseAskedFor({ headers }: Response): number {
  const seconds = Number(headers.get('retry-after') ?? 0)
  return Number.isFinite(seconds) ? Math.max(0, seconds * 1000) : 0
}

function endpointOf(given: string): string {
  const url = URL.canParse(given) ? new URL(given) : undefined
  if (!url || !/^https?:$/.test(url.protocol)) throw clientError('CLIENT_ENDPOINT', { given: JSON.stringify(given) })
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '')
}

/** The reason of a failed fetch: the error itself only says that fetch failed, its cause says why. */
function reasonOf(cause: unknown): string {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause
  if (!(inner instanceof Error)) return String(inner)
  return inner.message || ('code' in inner ? String(inner.code) : inner.name)
}

/** Whether the answer to the beginning of TLS was something else, by OpenSSL's codes as Node has them. */
function isNoTls(cause: unknown): boolean {
  const code: unknown = Object(Object(cause).cause).code
  return code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG'
}

/** Codes of OpenSSL and Node for certificates that aren't trusted, or are another host's. */
const untrusted =
  /^(UNABLE_TO_(GET|VERIFY)|SELF_SIGNED|DEPTH_ZERO|CERT_|ERR_TLS_CERT|ERR_SSL_TLSV1[13]?_ALERT_(CERTIFICATE|UNKNOWN_CA)|ERR_SSL_TLSV13_ALERT)/

function isUntrusted(cause: unknown): boolean {
  return untrusted.test(String(Object(Object(cause).cause).code))
}

/** 128 random bits; `crypto.randomUUID` isn't there in every page. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** Aborts with a caller's signal, or by itself once a time has passed, until it's lifted. */
interface Deadline {
  readonly signal: AbortSignal
  /** Whether it was the time that aborted. */
  readonly passed: boolean
  /** The time aborts no more; the caller's signal does. */
  lift(): void
}

function deadline(timeoutMs: number, caller: AbortSignal | undefined): Deadline {
  const controller = new AbortController()
  let passed = false
  const timer = setTimeout(() => {
    passed = true
    controller.abort(new DOMException('the time has passed', 'TimeoutError'))
  }, timeoutMs)
  return {
    // Unlike a listener of its own, this leaves nothing at a caller's signal that lives on.
    signal: caller ? AbortSignal.any([controller.signal, caller]) : controller.signal,
    get passed() {
      return passed
    },
    lift: () => clearTimeout(timer),
  }
}
