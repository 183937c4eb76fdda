import { pipeline } from 'node:stream/promises'
import type { Request, Response } from 'restify'
import type { Answer, Operation } from '../operation.ts'

/** Sends an operation's answer. */
export async function respond(
  request: Request,
  response: Response,
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
  }
}

function nextPage(request: Request, after: string): string {
  const query = new URLSearchParams(request.getQuery())
  query.set('after', after)
  return `${request.getPath()}?${query.toString()}`
}

export function sendJson(response: Response, status: number, value: unknown): void {
  send(response, status, 'application/json', JSON.stringify(value))
}

export function send(response: Response, status: number, type: string, text: string): void {
  const bytes = Buffer.from(text)
  response.sendRaw(status, bytes, { 'content-type': type, 'content-length': String(bytes.length) })
}
