import { pipeline } from 'node:stream/promises'
import type { Request, Response as ServerResponse } from 'restify'
import type { Answer, Operation } from '../operation.ts'

/** Sends an operation's answer. */
export async function respond(
  request: Request,
  response: ServerResponse,
  { status }: Operation,
  answer: Answer,
): Promise<void> {
  switch (answer.type) {
    case 'json':
      return sendJson(response, status, answer.value)
    case 'page': {
      const { items, next } = answer.page
      if (next !== undefined) response.setHeader('link', `<${nextPage(request, next)}>; rel="next"`)
      return sendJson(response, status, items)
    }
    case 'archive': {
      const { fileName, sizeBytes, chunks } = answer.archive
      const name = encodeURIComponent(fileName)
      response.writeHead(status, {
        'content-type': 'application/zip',
        'content-length': String(sizeBytes),
        'content-disposition': `attachment; filename*=UTF-8''${name}`,
      })
      return pipeline(chunks, response)
    }
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

function nextPage(request: Request, after: string): string {
  const query = new URLSearchParams(request.getQuery())
  query.set('after', after)
  return `${request.getPath()}?${query.toString()}`
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  send(response, status, 'application/json', JSON.stringify(value))
}

export function send(response: ServerResponse, status: number, type: string, content: string | Buffer): void {
  const bytes = Buffer.from(content)
  response.sendRaw(status, bytes, { 'content-type': type, 'content-length': String(bytes.length) })
}
