import type { z } from 'zod'
import { decodeWhole, knownPart } from '../../actors/model/index.ts'
import type { Operation } from '../operation.ts'
import { clientError } from './errors.ts'
import { eventsOf } from './job-events.ts'

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
