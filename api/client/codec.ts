import { createParser } from 'eventsource-parser'
import { z } from 'zod'
import type { NumberedEvent } from '../../actors/index.ts'
import { decodeWhole, knownPart, numberedEvent } from '../../actors/model/index.ts'
import type { Operation } from '../operation.ts'
import { clientError } from './errors.ts'
import type { CallOptions, Outgoing } from './transport.ts'

/** The input of a method by field: parameters of the path, `query`, `body`. */
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

/** An archive on its way. */
export interface CodeDownload {
  readonly fileName: string
  /** Undefined if the server didn't say it. */
  readonly sizeBytes: number | undefined
  readonly content: ReadableStream<Uint8Array>
}

/** Reads an operation's answer and decodes it by the model with which the server's was made. CLIENT_ANSWER. */
export async function answerOf({ id, answer }: Operation, response: Response): Promise<unknown> {
  try {
    switch (answer.type) {
      case 'json':
        return decoded(answer.model, await jsonOf(response))
      case 'page': {
        const items = decoded(answer.model.array(), await jsonOf(response))
        const next = nextOf(response)
        return { items, ...(next === undefined ? {} : { next }) }
      }
      case 'events':
        return eventsOf(response)
      case 'form':
        return await response.formData()
      case 'archive':
        return downloadOf(response)
    }
  } catch (cause) {
    const found = cause instanceof Error ? cause.message : cause
    throw clientError('CLIENT_ANSWER', { request: id, found }, { cause })
  }
}

/** Fields that a newer server added are left out. */
export function decoded<Model extends z.ZodType>(model: Model, value: unknown): z.output<Model> {
  return decodeWhole(model, knownPart(model, value).value, 'answer')
}

async function jsonOf(response: Response): Promise<unknown> {
  const text = await response.text()
  return text === '' ? null : JSON.parse(text)
}

/** After which id the next page begins, by the Link header (RFC 8288). */
function nextOf({ headers }: Response): string | undefined {
  const [, target] = /<([^>]*)>\s*;\s*rel="?next"?/.exec(headers.get('link') ?? '') ?? []
  if (target === undefined) return undefined
  return new URL(target, 'http://localhost').searchParams.get('after') ?? undefined
}

function downloadOf({ headers, body }: Response): CodeDownload {
  if (!body) throw new Error('it has no content')
  const [, name = 'code.zip'] = /filename\*=UTF-8''([^;]+)/i.exec(headers.get('content-disposition') ?? '') ?? []
  const length = headers.get('content-length')
  return { fileName: decodeURIComponent(name), sizeBytes: length === null ? undefined : Number(length), content: body }
}

/** For how long nothing at all may come before a connection counts as lost. */
export const usualSilenceMs = 45_000

/** An event of which no more is known than that it is one. */
const anyEvent = z.object({
  number: numberedEvent.shape.number,
  at: numberedEvent.shape.at,
  event: z.looseObject({ type: z.string() }),
})

/** The faults that an event of a newer server has: a new type, or a new state. */
const newerIssues: readonly string[] = ['invalid_union', 'invalid_value']

/**
 * An event as this version knows it: without fields that a newer server added, and without the nulls for which an older one
 * had numbers that aren't finite. Undefined for a type or a state of a newer one. CLIENT_ANSWER for a value that is no event.
 */
function eventIn(data: string): NumberedEvent | undefined {
  try {
    const given = anyEvent.parse(JSON.parse(data))
    const known = numberedEvent.safeParse({ ...given, event: withoutNulls(given.event) })
    if (known.success) return known.data
    if (known.error.issues.every(({ code }) => newerIssues.includes(code))) return undefined
    throw known.error
  } catch (cause) {
    throw clientError('CLIENT_ANSWER', { request: 'jobEvents', found: data.slice(0, 200) }, { cause })
  }
}

/** Without fields that are null, at the event itself and in its maps. */
function withoutNulls(event: object): Record<string, unknown> {
  const kept = Object.entries(event).filter(([, value]) => value !== null)
  return Object.fromEntries(kept.map(([name, value]) => [name, isMap(value) ? withoutNulls(value) : value] as const))
}

function isMap(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The events of a stream that this version knows, to its end. CLIENT_ANSWER, CLIENT_SILENT. */
export async function* eventsOf(
  { body }: Response,
  silenceMs = usualSilenceMs,
): AsyncGenerator<NumberedEvent, void, void> {
  if (!body) return
  const reader = body.getReader()
  const decoder = new TextDecoder()
  const came: string[] = []
  const parser = createParser({ onEvent: ({ data }) => void came.push(data) })
  try {
    for (;;) {
      const { done, value } = await unlessSilent(reader.read(), silenceMs)
      if (done) return
      parser.feed(decoder.decode(value, { stream: true }))
      for (const data of came.splice(0)) {
        const event = data === '' ? undefined : eventIn(data)
        if (event) yield event
      }
    }
  } finally {
    await reader.cancel().catch(() => {})
  }
}

/** Rejects after a silence: a connection that is lost without notice, as when a machine sleeps, shows by nothing else. */
async function unlessSilent<Value>(coming: Promise<Value>, silenceMs: number): Promise<Value> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(clientError('CLIENT_SILENT', { seconds: silenceMs / 1000 })), silenceMs)
  })
  try {
    return await Promise.race([coming, silence])
  } finally {
    clearTimeout(timer)
  }
}
