import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { type ReadArchive, tagOfJson } from '../../actors/index.ts'
import type { Operation, OperationAnswer } from '../operation.ts'
import { isKnown, rangeIn, slice } from './conditions.ts'
import { eventStreamType, type StreamOptions, sendEvents } from './event-stream.ts'
import { addressOf } from './rest-server.ts'

/** Sends an operation's answer. */
export async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  { status, method }: Operation,
  answer: OperationAnswer,
  options: StreamOptions,
): Promise<void> {
  const { hide = (json: string) => json } = options
  switch (answer.type) {
    case 'json': {
      const json = JSON.stringify(answer.value)
      if (method === 'get' && isUnchanged(request, response, tagOfJson(json))) return
      return send(response, status, 'application/json', hide(json))
    }
    case 'kept':
      response.setHeader('idempotency-replayed', 'true')
      return send(response, status, 'application/json', answer.json)
    case 'page': {
      const { items, next } = answer.page
      if (next !== undefined) response.setHeader('link', `<${nextPage(request, next)}>; rel="next"`)
      return send(response, status, 'application/json', hide(JSON.stringify(items)))
    }
    case 'events':
      if (request.method === 'HEAD') return send(response, 200, eventStreamType, '')
      return sendEvents(response, answer.events, options)
    case 'archive':
      return sendArchive(request, response, answer.archive)
    case 'form': {
      const form = new FormData()
      for (const { name, type, content } of answer.parts)
        form.append(name, new Blob([typeof content === 'string' ? content : Uint8Array.from(content)], { type }), name)
      const encoded = new Response(form)
      const bytes = Buffer.from(await encoded.arrayBuffer())
      return send(response, status, encoded.headers.get('content-type') ?? 'multipart/form-data', bytes)
    }
  }
}

/** Sets the answer's tag. If the caller has this version already, answers 304 and returns true. */
function isUnchanged(request: IncomingMessage, response: ServerResponse, tag: string): boolean {
  response.setHeader('etag', tag)
  if (!isKnown(request.headers, tag)) return false
  response.writeHead(304)
  response.end()
  return true
}

async function sendArchive(request: IncomingMessage, response: ServerResponse, archive: ReadArchive): Promise<void> {
  const { fileName, sizeBytes, tag, chunks } = archive
  response.setHeader('accept-ranges', 'bytes')
  if (isUnchanged(request, response, tag)) return
  const isHead = request.method === 'HEAD'
  const range = isHead ? undefined : rangeIn(request.headers, archive)
  const headers = {
    'content-type': archive.type ?? 'application/zip',
    'content-disposition': contentDisposition(fileName),
  }
  if (!range) {
    response.writeHead(200, { ...headers, 'content-length': String(sizeBytes) })
    if (isHead) return void response.end()
    return pipeline(chunks, response)
  }
  const { first, last } = range
  response.writeHead(206, {
    ...headers,
    'content-length': String(last - first + 1),
    'content-range': `bytes ${first}-${last}/${sizeBytes}`,
  })
  return pipeline(slice(chunks, range), response)
}

function nextPage(request: IncomingMessage, after: string): string {
  const { pathname, searchParams } = addressOf(request)
  const query = new URLSearchParams(searchParams)
  query.set('after', after)
  return `${pathname}?${query.toString()}`
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  send(response, status, 'application/json', JSON.stringify(value))
}

export function send(response: ServerResponse, status: number, type: string, content: string | Buffer): void {
  response.writeHead(status, { 'content-type': type, 'content-length': String(Buffer.byteLength(content)) })
  // Node sends a text in one piece with the headers, and bytes in a piece of their own.
  response.end(content)
}

/**
 * A download's name (RFC 6266): for older clients in ASCII, for all others whole (RFC 8187), but for what would lead into
 * another folder or can't be shown.
 */
export function contentDisposition(fileName: string): string {
  const name = fileName.replace(/[\p{Cc}/\\]/gu, '_').replace(/\p{Cs}/gu, '\ufffd')
  const ascii = name.replace(/[^\x20-\x7e]|["%]/gu, '_')
  const whole = encodeURIComponent(name).replace(/['()*]/g, (found) => `%${found.charCodeAt(0).toString(16)}`)
  return `attachment; filename="${ascii}"; filename*=UTF-8''${whole}`
}
