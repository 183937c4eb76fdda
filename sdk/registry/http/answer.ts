import { CodedError } from '../../../runtime/index.ts'
import { registryError } from '../errors.ts'

/** A request to the server of a registry. */
export interface Request {
  readonly method: string
  /** Without credentials. */
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array<ArrayBuffer> | string
  /** Whether the request has the same effect when the server gets the request twice. */
  readonly mayRepeat: boolean
}

/** A server's answer, read whole. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly bytes: Uint8Array<ArrayBuffer>
}

export interface AskOptions {
  /** Sends the requests. Default: the platform's. */
  readonly fetch?: typeof fetch | undefined
  /** Pauses before a request is sent again. Default: 100 and 400 ms. */
  readonly pausesMs?: readonly number[] | undefined
  /** Makes a request just before each attempt, for example to sign it. */
  readonly sign?: (request: Request) => Promise<Request>
}

/** How long a server may say nothing. */
const silenceMs = 60_000
/** A slower network than this one is taken for a broken one. */
const slowestBytesPerMs = 20
const passing: readonly number[] = [429, 500, 502, 503, 504]

/**
 * Sends a request and reads the answer. Sends again where that is allowed and may help: the connection broke, or the
 * server is busy or failed.
 *
 * @param location Names the registry in errors.
 * @throws REGISTRY_LOST where no whole answer came.
 */
export async function ask(request: Request, location: string, options: AskOptions = {}): Promise<Answer> {
  const { pausesMs = [100, 400], sign = async (unsigned) => unsigned } = options
  for (let attempt = 0; ; attempt++) {
    const pauseMs = request.mayRepeat ? pausesMs[attempt] : undefined
    try {
      const answer = await askOnce(await sign(request), location, options.fetch)
      if (pauseMs === undefined || !passing.includes(answer.status)) return answer
    } catch (error) {
      const isLost = error instanceof CodedError && error.code === 'REGISTRY_LOST'
      if (pauseMs === undefined || !isLost) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
}

async function askOnce(
  { method, url, headers = {}, body }: Request,
  location: string,
  send: typeof fetch = fetch,
): Promise<Answer> {
  const silence = new AbortController()
  const expect = (bytes: number) =>
    setTimeout(() => silence.abort(new Error('the server says nothing')), silenceMs + bytes / slowestBytesPerMs)
  let timer = expect(body?.length ?? 0)
  try {
    const sent = { method, headers, signal: silence.signal, ...(body !== undefined && { body }) }
    const response = await send(url, sent)
    const chunks: Uint8Array[] = []
    const reader = response.body?.getReader()
    for (let read = await reader?.read(); read && !read.done; read = await reader?.read()) {
      chunks.push(read.value)
      clearTimeout(timer)
      timer = expect(0)
    }
    return { status: response.status, headers: response.headers, bytes: joined(chunks) }
  } catch (cause) {
    throw registryError('REGISTRY_LOST', { location, reason: reasonOf(cause) }, { cause })
  } finally {
    clearTimeout(timer)
  }
}

function joined(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0))
  let end = 0
  for (const chunk of chunks) {
    bytes.set(chunk, end)
    end += chunk.length
  }
  return bytes
}

/** The reason of a failed fetch: the error itself only says that fetch failed, its cause says why. */
function reasonOf(error: unknown): string {
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error
  if (!(inner instanceof Error)) return String(inner)
  return inner.message || ('code' in inner ? String(inner.code) : inner.name)
}

/** Bytes as a body of a request: a view where possible, a copy of shared memory, which fetch refuses. */
export function bodyOf({ buffer, byteOffset, byteLength }: Uint8Array): Uint8Array<ArrayBuffer> {
  return buffer instanceof ArrayBuffer
    ? new Uint8Array(buffer, byteOffset, byteLength)
    : new Uint8Array(buffer, byteOffset, byteLength).slice()
}

/** The text of an answer's beginning, for a message. */
export function textOf({ bytes }: Answer): string {
  return new TextDecoder().decode(bytes)
}
