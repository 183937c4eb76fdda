import { AwsV4Signer } from 'aws4fetch'
import { registryError } from '../errors.ts'
import { type Answer, ask, askStream, type Request, type Send, textOf, whole } from '../http/answer.ts'
import type { S3Address } from './s3-address.ts'

/** What a request to S3 is signed with. */
export interface S3Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Of temporary credentials. */
  readonly sessionToken?: string
}

export interface S3ClientSettings {
  /** Asked before each request, since temporary credentials change. */
  readonly credentials: () => S3Credentials | Promise<S3Credentials>
  /** Sends the requests. Default: by the platform's `fetch`. */
  readonly send?: Send
  /** Time of a signature, in milliseconds since 1970. Default: the platform's clock. */
  readonly now?: () => number
  /** Pauses before a request is sent again. */
  readonly pausesMs?: readonly number[]
}

/** A request to a bucket. */
export interface S3Request {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  /** Absent: the bucket itself. */
  readonly key?: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array<ArrayBuffer> | string
  /** SHA-256 of the body in hexadecimal, if known. */
  readonly sha256?: string
  readonly mayRepeat?: boolean
  /** Whether the answer's bytes are hashed as they come, where the platform can. */
  readonly isHashed?: boolean
}

/** Sends signed requests to one bucket. */
export interface S3Client {
  readonly address: S3Address
  /**
   * The answer of success, or undefined for a key that isn't there.
   *
   * @throws The registry's errors.
   */
  send(request: S3Request): Promise<Answer | undefined>
  /** The bytes of an object, as they come. Undefined for a key that isn't there. @throws The registry's errors. */
  stream(key: string): Promise<AsyncIterable<Uint8Array> | undefined>
}

export function s3Client(address: S3Address, settings: S3ClientSettings): S3Client {
  const { send, pausesMs, now = Date.now } = settings
  /** Keys derived from the secret, by day. */
  const cache = new Map<string, ArrayBuffer>()

  async function sign(request: Request): Promise<Request> {
    const datetime = new Date(now()).toISOString().replace(/[:-]|\.\d{3}/g, '')
    const { accessKeyId, secretAccessKey, sessionToken } = soundCredentials(
      await settings.credentials(),
      address.location,
    )
    const signer = new AwsV4Signer({
      ...request,
      ...{ accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) },
      ...{ service: 's3', region: address.region, datetime, cache },
    })
    const { headers } = await signer.sign()
    return { ...request, headers: Object.fromEntries(headers) }
  }

  const options = { send, pausesMs, sign }

  function refused(answer: Answer, key: string | undefined): undefined {
    const fault = faultIn(answer)
    if (key === undefined || fault.code !== 'NoSuchKey') throw errorOf(fault, address)
  }

  return {
    address,
    async send({ method, key, query = {}, headers = {}, body, sha256, mayRepeat = true, isHashed }) {
      const hash = sha256 ?? (body === undefined ? hashOfNothing : await sha256Of(body))
      const signed = { ...headers, 'x-amz-content-sha256': hash }
      const request = { method, url: urlOf(address, key, query), headers: signed, mayRepeat }
      const whole = { ...request, ...(body !== undefined && { body }) }
      const answer = await ask(whole, address.location, { ...options, isHashed })
      return answer.status < 300 && !isLateFault(answer) ? answer : refused(answer, key)
    },
    async stream(key) {
      const headers = { 'x-amz-content-sha256': hashOfNothing }
      const request = { method: 'GET', url: urlOf(address, key, {}), headers, mayRepeat: true }
      const answer = await askStream(request, address.location, options)
      return answer.status < 300 ? answer.pieces : refused(await whole(answer), key)
    },
  }
}

/** SHA-256 of an empty body. */
const hashOfNothing = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

/** Some operations begin their answer of success, and then fail. */
function isLateFault(answer: Answer): boolean {
  return answer.headers.get('content-type')?.includes('xml') === true && /<Error>/.test(textOf(answer))
}

function urlOf({ origin, path }: S3Address, key: string | undefined, query: Readonly<Record<string, string>>): string {
  const encodedKey = key === undefined ? '' : `/${key.split('/').map(strictlyEncoded).join('/')}`
  const pairs = Object.entries(query).map((pair) => pair.map(strictlyEncoded).join('='))
  return `${origin}${path}${encodedKey || '/'}${pairs.length > 0 ? `?${pairs.join('&')}` : ''}`
}

/** The signature's own encoding: that of a URL's part, and of five further characters. */
function strictlyEncoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (found) => `%${found.charCodeAt(0).toString(16).toUpperCase()}`)
}

export async function sha256Of(body: Uint8Array<ArrayBuffer> | string): Promise<string> {
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body
  const digest = new Uint8Array(await globalThis.crypto.subtle.digest('SHA-256', bytes))
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** The contents of each element of this name in a document of S3, whose elements have no attributes. */
export function elementsIn(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, 'g'))].map(([, text = '']) => plainText(text))
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

function plainText(text: string): string {
  return text.replace(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (whole, decimal, hexadecimal, name) => {
    if (name !== undefined) return entities[name] ?? whole
    return String.fromCodePoint(decimal === undefined ? Number.parseInt(hexadecimal, 16) : Number(decimal))
  })
}

interface Fault {
  readonly status: number
  /** S3's code, or '' where the answer has none. */
  readonly code: string
  readonly reason: string
}

/** Reads code and message alone: further fields of a refusal repeat what was signed. */
function faultIn(answer: Answer): Fault {
  const { status } = answer
  const text = textOf(answer)
  const [code = ''] = elementsIn(text, 'Code')
  const [message = ''] = elementsIn(text, 'Message')
  const reason = [code || `status ${status}`, message.slice(0, 300)].filter((part) => part !== '').join(': ')
  return { status, code, reason }
}

const credentialFaults: readonly string[] = [
  ...['AccessDenied', 'AllAccessDisabled', 'ExpiredToken', 'InvalidAccessKeyId', 'InvalidSecurity', 'InvalidToken'],
  ...['SignatureDoesNotMatch', 'TokenRefreshRequired', 'AuthorizationHeaderMalformed', 'Forbidden', 'Unauthorized'],
  // versitygw's own, for an unknown key.
  'XAdminUserNotFound',
]
const fullFaults: readonly string[] = [
  ...['QuotaExceeded', 'InsufficientStorage', 'XMinioStorageFull', 'XAmzStorageFull', 'NoSpaceLeftOnDevice'],
]

function errorOf({ status, code, reason }: Fault, { bucket, location }: S3Address): Error {
  if (code === 'NoSuchBucket') return registryError('REGISTRY_MISSING', { location, kind: 'bucket', name: bucket })
  if (code === 'RequestTimeTooSkewed' || code === 'RequestExpired')
    return registryError('REGISTRY_CLOCK', { location, reason })
  if (fullFaults.includes(code) || status === 507) return registryError('REGISTRY_FULL', { location, reason })
  if (credentialFaults.includes(code) || status === 401 || status === 403)
    return registryError('REGISTRY_CREDENTIALS', { location, reason })
  if (status >= 500 || status === 429 || code === 'SlowDown' || code === 'RequestTimeout')
    return registryError('REGISTRY_LOST', { location, reason })
  return registryError('REGISTRY_REFUSED', { location, reason })
}

/** Credentials with other characters would be named in the error of fetch. */
function soundCredentials(credentials: S3Credentials, location: string): S3Credentials {
  for (const [name, value] of Object.entries(credentials)) {
    if (typeof value === 'string' && /^[\x21-\x7e]+$/.test(value)) continue
    const reason = `the ${names[name] ?? name} is empty, or has characters that no key has`
    throw registryError('REGISTRY_CREDENTIALS', { location, reason })
  }
  return credentials
}

const names: Readonly<Record<string, string>> = {
  accessKeyId: 'id of the access key',
  secretAccessKey: 'secret of the access key',
  sessionToken: "session's token",
}
