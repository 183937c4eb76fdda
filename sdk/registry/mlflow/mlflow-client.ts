import { z } from 'zod'
import { registryError } from '../errors.ts'
import { type Answer, ask, askStream, bodyOf, type Request, type Send, textOf, whole } from '../http/answer.ts'
import type { MlflowAddress } from './mlflow-address.ts'

export interface MlflowClientSettings {
  /** Sends the requests. Default: by the platform's `fetch`. */
  readonly send?: Send
  /** Time of metrics, in milliseconds since 1970. Default: the platform's clock. */
  readonly now?: () => number
  /** Pauses before a request is sent again. */
  readonly pausesMs?: readonly number[]
}

/** A call of MLflow's REST interface, below `/api/2.0/mlflow/`. */
export interface MlflowCall<Result> {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly path: string
  /** Fields of the query of a GET, or of the body. */
  readonly fields: Readonly<Record<string, unknown>>
  readonly answer: z.ZodType<Result>
  /** Default: true. */
  readonly mayRepeat?: boolean
}

/** Refusals that a caller may know what to do with. */
type Refusal = 'exists' | 'missing'

/** How a call ended: with an answer, or with such a refusal. */
export type MlflowOutcome<Result> =
  | { readonly refusal?: undefined; readonly answer: Result }
  | { readonly refusal: Refusal; readonly answer?: undefined }

export interface MlflowClient {
  readonly address: MlflowAddress
  /** The answer of success. @throws The registry's errors. */
  call<Result>(call: MlflowCall<Result>): Promise<Result>
  /** Like `call`, but refusals of things that are missing, or exist, are returned. */
  attempt<Result>(call: MlflowCall<Result>): Promise<MlflowOutcome<Result>>
  /** Writes a file below a place of artifacts, such as `mlflow-artifacts:/1/RUN/artifacts`. */
  put(place: string, file: string, bytes: Uint8Array): Promise<void>
  /** The bytes of a file, or undefined if the file doesn't exist. */
  get(place: string, file: string): Promise<Uint8Array<ArrayBuffer> | undefined>
  /** As `get`, with the SHA-256 of the bytes where the platform hashes them as they come. */
  getHashed(place: string, file: string): Promise<Pick<Answer, 'bytes' | 'sha256'> | undefined>
  /** The bytes of a file, as they come. Undefined if the file doesn't exist. */
  stream(place: string, file: string): Promise<AsyncIterable<Uint8Array> | undefined>
  /** Removes a place of artifacts with all its files. Does nothing if the place doesn't exist. */
  remove(place: string): Promise<void>
}

export function mlflowClient(address: MlflowAddress, { send, pausesMs }: MlflowClientSettings): MlflowClient {
  const { server, authorization, location } = address
  const options = { send, pausesMs }
  const authorized = authorization === undefined ? {} : { authorization }

  function artifact(method: 'PUT' | 'GET' | 'DELETE', place: string, file?: string, bytes?: Uint8Array): Request {
    const path = `${artifactPath(place, location)}${file === undefined ? '' : `/${file}`}`
    const url = `${server}/api/2.0/mlflow-artifacts/artifacts/${path.split('/').map(encodeURIComponent).join('/')}`
    const type = bytes === undefined ? {} : { 'content-type': 'application/octet-stream' }
    const body = bytes === undefined ? {} : { body: bodyOf(bytes) }
    return { method, url, headers: { ...authorized, ...type }, ...body, mayRepeat: true }
  }

  async function attempt<Result>(call: MlflowCall<Result>): Promise<MlflowOutcome<Result>> {
    const { method, path, fields, answer, mayRepeat = true } = call
    const query = method === 'GET' ? `?${queryOf(fields)}` : ''
    const body = method === 'GET' ? {} : { body: JSON.stringify(fields) }
    const headers = { ...authorized, accept: 'application/json', 'content-type': 'application/json' }
    const url = `${server}/api/2.0/mlflow/${path}${query}`
    const came = await ask({ method, url, headers, ...body, mayRepeat }, location, options)
    if (came.status >= 300) return { refusal: refusalIn(came, location) }
    const { success, data, error } = answer.safeParse(jsonIn(came))
    if (success) return { answer: data }
    const faults = error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join(', ')
    const reason = `the answer to ${path} isn't MLflow's (${faults})`
    throw registryError('REGISTRY_REFUSED', { location, reason }, { cause: error })
  }

  async function got(place: string, file: string, isHashed = false): Promise<Answer | undefined> {
    const came = await ask(artifact('GET', place, file), location, { ...options, isHashed })
    if (came.status < 300) return came
    refusalIn(came, location)
    return undefined
  }

  return {
    address,
    attempt,
    async call(call) {
      const { refusal, answer } = await attempt(call)
      if (refusal === undefined) return answer
      const what = refusal === 'missing' ? 'something that it names is missing' : 'what it makes exists already'
      throw registryError('REGISTRY_REFUSED', { location, reason: `${call.path}: ${what}` })
    },
    async put(place, file, bytes) {
      const came = await ask(artifact('PUT', place, file, bytes), location, options)
      if (came.status < 300) return
      const reason =
        refusalIn(came, location) === 'missing' ? 'it has no such place of artifacts' : 'the artifact exists'
      throw registryError('REGISTRY_REFUSED', { location, reason })
    },
    get: async (place, file) => (await got(place, file))?.bytes,
    getHashed: (place, file) => got(place, file, true),
    async stream(place, file) {
      const came = await askStream(artifact('GET', place, file), location, options)
      if (came.status < 300) return came.pieces
      refusalIn(await whole(came), location)
      return undefined
    },
    async remove(place) {
      const came = await ask(artifact('DELETE', place), location, options)
      if (came.status >= 300) refusalIn(came, location)
    },
  }
}

/** An answer whose content means nothing. */
export const anyAnswer = z.unknown()

/** The path below the server's artifacts. A place elsewhere can't be reached through the server. */
function artifactPath(place: string, location: string): string {
  const [, path] =
    /^mlflow-artifacts:(?:\/\/[^/]*)?\/+(.*)$/.exec(place) ?? /\/mlflow-artifacts\/artifacts\/+(.*)$/.exec(place) ?? []
  if (path !== undefined) return path
  const reason = 'the server keeps artifacts where it cannot hand them on; start the server with --serve-artifacts'
  throw registryError('REGISTRY_REFUSED', { location, reason })
}

function queryOf(fields: Readonly<Record<string, unknown>>): string {
  return new URLSearchParams(Object.entries(fields).map(([name, value]) => [name, String(value)])).toString()
}

function jsonIn(answer: Answer): unknown {
  try {
    return JSON.parse(textOf(answer))
  } catch {
    return undefined
  }
}

const refusal = z.object({ error_code: z.string(), message: z.string().default('') })
/** MLflow has no code of its own for this. */
const isNoAlias = /^Registered model alias .* not found/
const isFull = /no space left|disk is full|disk quota|ENOSPC/i

/** Reads a refusal. @throws All other refusals than `exists` and `missing`. */
function refusalIn(answer: Answer, location: string): Refusal {
  const { status } = answer
  const { data } = refusal.safeParse(jsonIn(answer))
  const code = data?.error_code ?? `status ${status}`
  if (code === 'RESOURCE_ALREADY_EXISTS') return 'exists'
  const message = data?.message ?? textOf(answer)
  if (code === 'RESOURCE_DOES_NOT_EXIST' || isNoAlias.test(message)) return 'missing'
  const reason = `${code}: ${message.replace(/\s+/g, ' ').slice(0, 300)}`
  if (status === 401 || status === 403) throw registryError('REGISTRY_CREDENTIALS', { location, reason })
  if (isFull.test(message) || status === 507) throw registryError('REGISTRY_FULL', { location, reason })
  if (status >= 500 || status === 429) throw registryError('REGISTRY_LOST', { location, reason })
  throw registryError('REGISTRY_REFUSED', { location, reason })
}
