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

interface Head {
  readonly status: number
  /** By names in lower case. */
  readonly headers: Pick<Headers, 'get' | 'has'>
}

/** A server's answer, read whole. */
export interface Answer extends Head {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** SHA-256 of the bytes in hexadecimal, where it was asked for and the pieces could be hashed as they came. */
  readonly sha256?: string
}

/** A server's answer, read piece by piece, as fast as its reader takes the pieces. */
export interface StreamedAnswer extends Head {
  /** Can be read once. A reader that stops before the end calls `return` of the iterator, as a `for` loop does. */
  readonly pieces: AsyncIterable<Uint8Array>
}

/** Sends one request. */
export interface Send {
  (request: Request, signal: AbortSignal): Promise<StreamedAnswer>
  /** Begins a SHA-256 of pieces. Absent where the platform hashes whole arrays alone. */
  readonly sha256?: () => PieceHash
}

/** A hash of pieces, which is there with the last piece: a download is hashed while the next piece is under way. */
export interface PieceHash {
  update(piece: Uint8Array): void
  /** In hexadecimal. Called once, after all pieces. */
  hex(): string
}

export interface AskOptions {
  /** Sends the requests. Default: `fetchSend` with the platform's `fetch`. */
  readonly send?: Send | undefined
  /** Pauses before a request is sent again. Default: `usualPausesMs`. */
  readonly pausesMs?: readonly number[] | undefined
  /** Makes a request just before each attempt, for example to sign it. */
  readonly sign?: (request: Request) => Promise<Request>
  /** Whether a download is hashed. */
  readonly isHashed?: boolean | undefined
}

const usualPausesMs: readonly number[] = [100, 400]
const asItIs = async (request: Request) => request
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
  if (isDownload(request)) {
    const hash = options.isHashed ? options.send?.sha256?.() : undefined
    return whole(await askStream(request, location, options), hash)
  }
  return repeated(request, options, async (signed) => whole(await begun(signed, location, options.send)))
}

/**
 * As `ask`, but the answer is read piece by piece. When the connection breaks in the middle of a GET, the rest is asked
 * for by its range, and pieces go on where they ended.
 *
 * @throws REGISTRY_LOST, also by the pieces.
 */
export async function askStream(request: Request, location: string, options: AskOptions = {}): Promise<StreamedAnswer> {
  const answer = await repeated(request, options, (signed) => begun(signed, location, options.send))
  if (!isDownload(request) || answer.status !== 200) return answer
  return { ...answer, pieces: resumed(answer, request, location, options) }
}

function isDownload({ method, mayRepeat }: Request): boolean {
  return method === 'GET' && mayRepeat
}

async function repeated<Some extends Head>(
  request: Request,
  { pausesMs = usualPausesMs, sign = asItIs }: AskOptions,
  attempt: (signed: Request) => Promise<Some>,
): Promise<Some> {
  for (let failures = 0; ; failures++) {
    const pauseMs = request.mayRepeat ? pausesMs[failures] : undefined
    try {
      const answer = await attempt(await sign(request))
      if (pauseMs === undefined || !passing.includes(answer.status)) return answer
      await drop(answer)
    } catch (error) {
      if (pauseMs === undefined || !isLost(error)) throw error
    }
    await pause(pauseMs)
  }
}

/** Reads an unwanted answer to its end, so that the connection is free for others. */
async function drop(answer: Head & Partial<Pick<StreamedAnswer, 'pieces'>>): Promise<void> {
  for await (const _ of answer.pieces ?? []);
}

/** The pieces of a download, which go on after an interruption. */
async function* resumed(
  first: StreamedAnswer,
  request: Request,
  location: string,
  { pausesMs = usualPausesMs, sign = asItIs, send }: AskOptions,
): AsyncGenerator<Uint8Array> {
  const tag = first.headers.get('etag')
  let pieces: AsyncIterable<Uint8Array> | undefined = first.pieces
  let got = 0
  /** Bytes that come again, from a server that knows no ranges. */
  let again = 0
  for (let failures = 0; ; ) {
    try {
      const coming = pieces ?? (await rest())
      for await (const piece of coming) {
        const fresh = piece.subarray(Math.min(again, piece.length))
        again -= piece.length - fresh.length
        if (fresh.length === 0) continue
        got += fresh.length
        failures = 0
        yield fresh
      }
      return
    } catch (error) {
      const pauseMs = pausesMs[failures]
      if (pauseMs === undefined || !isLost(error)) throw error
      failures += 1
      pieces = undefined
      await pause(pauseMs)
    }
  }

  async function rest(): Promise<AsyncIterable<Uint8Array>> {
    const headers = { ...request.headers, range: `bytes=${got}-` }
    const answer = await begun(await sign({ ...request, headers }), location, send)
    const isRest = answer.status === 206 && answer.headers.get('content-range')?.startsWith(`bytes ${got}-`) === true
    if (answer.headers.get('etag') !== tag || !(isRest || answer.status === 200)) {
      await whole(answer)
      const reason = `the rest of a download was answered by status ${answer.status} of another version`
      throw registryError('REGISTRY_LOST', { location, reason })
    }
    again = isRest ? 0 : got
    return answer.pieces
  }
}

/** Sends a request once. Errors, also of the pieces, are REGISTRY_LOST. */
async function begun(request: Request, location: string, send: Send = fetchSend()): Promise<StreamedAnswer> {
  const { signal, within, end } = silenceWatch()
  const orLost = (cause: unknown) => {
    end()
    throw registryError('REGISTRY_LOST', { location, reason: reasonOf(cause) }, { cause })
  }
  const answer = await within(send(request, signal), request.body?.length).catch(orLost)
  async function* pieces(): AsyncGenerator<Uint8Array> {
    const coming = answer.pieces[Symbol.asyncIterator]()
    let isOver = false
    try {
      for (;;) {
        const next = await within(coming.next()).catch(orLost)
        isOver = next.done === true
        if (next.done) return
        yield next.value
      }
    } finally {
      end()
      if (!isOver) await coming.return?.()
    }
  }
  return { ...answer, pieces: pieces() }
}

/** Aborts its signal when something that is waited for doesn't come. One timer watches all waits, since they are many. */
function silenceWatch() {
  const silence = new AbortController()
  let until = Number.POSITIVE_INFINITY
  let timer: ReturnType<typeof setTimeout> | undefined
  const look = () => {
    timer = undefined
    if (until === Number.POSITIVE_INFINITY) return
    const leftMs = until - performance.now()
    if (leftMs <= 0) silence.abort(new Error('the server says nothing'))
    else lookAfter(leftMs)
  }
  const lookAfter = (ms: number) => {
    timer = setTimeout(look, ms)
    // An open connection keeps the process, an answer that nobody reads doesn't. A page's timers are numbers.
    if (typeof timer === 'object') timer.unref()
  }
  return {
    signal: silence.signal,
    async within<Value>(work: Promise<Value>, bytes = 0): Promise<Value> {
      const mostMs = silenceMs + bytes / slowestBytesPerMs
      until = performance.now() + mostMs
      if (timer === undefined) lookAfter(mostMs)
      try {
        return await work
      } finally {
        until = Number.POSITIVE_INFINITY
      }
    },
    end() {
      clearTimeout(timer)
      timer = undefined
    },
  }
}

/** Reads an answer whole, into one array where the answer says its length. */
export async function whole({ status, headers, pieces }: StreamedAnswer, hash?: PieceHash): Promise<Answer> {
  const said = headers.has('content-encoding') ? 0 : Number(headers.get('content-length') ?? 0)
  let bytes = new Uint8Array(Number.isSafeInteger(said) && said <= mostSaidBytes ? said : 0)
  let end = 0
  for await (const piece of pieces) {
    hash?.update(piece)
    if (end + piece.length > bytes.length) {
      const larger = new Uint8Array(Math.max(2 * bytes.length, end + piece.length))
      larger.set(bytes.subarray(0, end))
      bytes = larger
    }
    bytes.set(piece, end)
    end += piece.length
  }
  const read = { status, headers, bytes: end === bytes.length ? bytes : bytes.slice(0, end) }
  return hash ? { ...read, sha256: hash.hex() } : read
}

/** Room that is made before anything has come. */
const mostSaidBytes = 2 ** 31

/** Sends requests by a `fetch`. */
export function fetchSend(send: typeof fetch = fetch): Send {
  return async ({ method, url, headers = {}, body }, signal) => {
    const response = await send(url, { method, headers, signal, ...(body !== undefined && { body }) })
    async function* pieces(): AsyncGenerator<Uint8Array> {
      const reader = response.body?.getReader()
      if (!reader) return
      let isOver = false
      try {
        for (let read = await reader.read(); !(isOver = read.done); read = await reader.read()) {
          if (read.value) yield read.value
        }
      } finally {
        if (!isOver) await reader.cancel().catch(() => {})
      }
    }
    return { status: response.status, headers: response.headers, pieces: pieces() }
  }
}

function isLost(error: unknown): boolean {
  return error instanceof CodedError && error.code === 'REGISTRY_LOST'
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** The reason of a failed request: the error of fetch only says that fetch failed, its cause says why. */
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
