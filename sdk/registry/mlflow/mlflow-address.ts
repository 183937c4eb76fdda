import { registryError } from '../errors.ts'

/** Where an MLflow server is, and how this user is known to the server. */
export interface MlflowAddress {
  /** Without credentials, parameters and a slash at the end. */
  readonly server: string
  /** Beginning of the names of experiments and models. */
  readonly prefix: string
  /** Of the header `authorization`, if the server asks for a user. */
  readonly authorization?: string
  /** For people: mlflow:http://host:port */
  readonly location: string
}

/** A user of an MLflow server: a name with a password, or a token. */
export interface MlflowUser {
  readonly name?: string | undefined
  readonly password?: string | undefined
  readonly token?: string | undefined
}

/**
 * Reads `mlflow:http://127.0.0.1:5000?prefix=team-`. The address may name a user (`http://user:password@…`), which comes
 * before the user given.
 *
 * @throws REGISTRY_ADDRESS with the fault. The message has no credentials.
 */
export function mlflowAddress(given: string, user: MlflowUser = {}): MlflowAddress {
  const fault = (found: string) =>
    registryError('REGISTRY_ADDRESS', { found, form: 'mlflow:http://HOST:PORT?prefix=PREFIX' })
  if (!given.startsWith('mlflow:')) throw fault('it is no address that begins with mlflow:')
  const text = given.slice('mlflow:'.length)
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !/^https?:$/.test(url.protocol)) throw fault('mlflow: is not followed by http:// or https://')
  const unknown = [...url.searchParams.keys()].find((name) => name !== 'prefix')
  if (unknown !== undefined) throw fault(`it has the unknown parameter ${unknown}`)
  const prefix = url.searchParams.get('prefix') ?? ''
  if (!/^[\w.@ -]*$/.test(prefix))
    throw fault('its prefix has other characters than letters, digits, spaces and _ . @ -')
  const server = `${url.origin}${url.pathname.replace(/\/+$/, '')}`
  const named = url.username ? { name: decoded(url.username), password: decoded(url.password) } : user
  const authorization = authorizationOf(named)
  return { server, prefix, location: `mlflow:${server}`, ...(authorization !== undefined && { authorization }) }
}

function authorizationOf({ name, password, token }: MlflowUser): string | undefined {
  if (name) return `Basic ${base64Of(`${name}:${password ?? ''}`)}`
  // A token with other characters would be named in the error of fetch.
  return token && /^[\x21-\x7e]+$/.test(token) ? `Bearer ${token}` : undefined
}

/** Bytes of UTF-8, as `btoa` can't take other characters. */
function base64Of(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)))
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
