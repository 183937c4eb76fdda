import { registryError } from '../errors.ts'

/** Where a registry's objects are. */
export interface S3Address {
  readonly bucket: string
  /** Beginning of all keys: '', or text that ends with '/'. */
  readonly prefix: string
  readonly region: string
  /** Of the server, with the bucket where buckets are named by host. */
  readonly origin: string
  /** The bucket where buckets are named by path: '/bucket'. Otherwise ''. */
  readonly path: string
  /** For people: s3://bucket/prefix, and the server if it isn't Amazon's. */
  readonly location: string
}

const parameters: readonly string[] = ['endpoint', 'region', 'style']
const bucketName = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/

/**
 * Reads `s3://bucket/prefix?endpoint=http://127.0.0.1:9000&region=eu-west-1&style=path`.
 *
 * Without `endpoint` the server is Amazon's of the region. `style` says how a bucket is named: by `path`, as most other
 * servers want (their default), or by `host` (Amazon's default, except for a bucket with dots, which no certificate
 * covers).
 *
 * @param region Of an address that names none. Default: us-east-1.
 * @throws REGISTRY_ADDRESS with the fault. The message has no credentials.
 */
export function s3Address(given: string, region = 'us-east-1'): S3Address {
  const fault = (found: string) =>
    registryError('REGISTRY_ADDRESS', { found, form: 's3://BUCKET/PREFIX?endpoint=URL&region=REGION&style=path|host' })
  const url = URL.canParse(given) ? new URL(given) : undefined
  if (url?.protocol !== 's3:') throw fault('it is no address that begins with s3://')
  if (url.username || url.password) throw fault('it has credentials, which come from the environment or from a file')
  const unknown = [...url.searchParams.keys()].find((name) => !parameters.includes(name))
  if (unknown !== undefined) throw fault(`it has the unknown parameter ${unknown}`)
  const bucket = url.host
  if (!bucketName.test(bucket)) throw fault(`${JSON.stringify(bucket)} is no name of a bucket`)
  const prefix = decoded(url.pathname)?.replace(/^\/+|\/+$/g, '')
  if (prefix === undefined) throw fault('its path has a wrong escape')
  const named = url.searchParams.get('region') || region
  const endpoint = url.searchParams.get('endpoint') || undefined
  const server = endpoint === undefined ? new URL(`https://s3.${named}.amazonaws.com`) : serverOf(endpoint, fault)
  const usual = endpoint === undefined && !bucket.includes('.') ? 'host' : 'path'
  const style = url.searchParams.get('style') ?? usual
  if (style !== 'host' && style !== 'path') throw fault(`its style is ${JSON.stringify(style)}`)
  const base = server.pathname.replace(/\/+$/, '')
  const isHost = style === 'host'
  return {
    bucket,
    prefix: prefix === '' ? '' : `${prefix}/`,
    region: named,
    origin: isHost ? `${server.protocol}//${bucket}.${server.host}` : server.origin,
    path: isHost ? base : `${base}/${bucket}`,
    location: `s3://${bucket}${prefix && `/${prefix}`}${endpoint === undefined ? '' : ` at ${server.host}`}`,
  }
}

function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path)
  } catch {
    return undefined
  }
}

function serverOf(endpoint: string, fault: (found: string) => Error): URL {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined
  if (!url || !/^https?:$/.test(url.protocol))
    throw fault('its endpoint is no address that begins with http:// or https://')
  if (url.username || url.password)
    throw fault('its endpoint has credentials, which come from the environment or a file')
  return url
}
