import type { Operation } from '../operation.ts'
import { clientError } from './errors.ts'
import type { CallOptions, Outgoing } from './transport.ts'

/** What a method is called with, by its field: parameters of the path, `query`, `body`. */
type Input = Readonly<Record<string, unknown>>

/** Makes the request of an operation's method. */
export function requestOf({ method, path, body, answer }: Operation, input: Input, options: CallOptions): Outgoing {
  const { apiKey, ...conditions } = options
  return {
    ...conditions,
    method: method.toUpperCase(),
    streamed: answer.type === 'archive' || answer.type === 'events',
    path: filled(path, input) + queryOf(input.query),
    headers: {
      ...(body?.type === 'json' ? { 'content-type': 'application/json' } : {}),
      ...(apiKey === undefined ? {} : { 'x-api-key': apiKey }),
    },
    ...(body ? { body: body.type === 'json' ? JSON.stringify(input.body) : formOf(input.body) } : {}),
  }
}

/** A path with its parameters. CLIENT_NAME if one of them would name another place. */
export function filled(path: string, values: Input): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = String(values[name])
    // An address without a part, or with dots for one, is that of something else.
    if (/^\.{0,2}$/.test(value)) throw clientError('CLIENT_NAME', { name, given: JSON.stringify(value) })
    return encodeURIComponent(value)
  })
}

function queryOf(query: unknown): string {
  const given = Object.entries(query ?? {}).filter(([, value]) => value !== undefined)
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString()
  return text === '' ? '' : `?${text}`
}

function formOf(body: unknown): FormData {
  const form = new FormData()
  for (const [name, value] of Object.entries(body ?? {})) {
    if (value instanceof Blob) form.set(name, value, 'file')
    else if (value instanceof Uint8Array) form.set(name, new Blob([Uint8Array.from(value)]), 'file')
    else form.set(name, String(value))
  }
  return form
}
