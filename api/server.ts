import { pipeline } from 'node:stream/promises'
import { createServer, type Request, type Response } from 'restify'
import type { Ask, ControlPlaneMessage } from '../actors/index.ts'
import { apiError } from './errors.ts'
import { type BodyLimits, readForm, readJson } from './http/body.ts'
import { foreignSource } from './http/loopback.ts'
import { problemBody, problemOf } from './http/problem.ts'
import { openApi } from './openapi.ts'
import type { Answer, Operation } from './operation.ts'

export interface ApiOptions {
  readonly ask: Ask<ControlPlaneMessage>
  readonly operations: readonly Operation[]
  readonly limits: BodyLimits
  /** Hears of each fault that a caller is told nothing of. */
  readonly onFault: (cause: unknown, request: string) => void
}

/** An API that isn't listening yet. */
export type Api = ReturnType<typeof createServer>

/** Mounts the operations. Every path is there with a slash at its end too, which existing clients send. */
export function apiServer({ ask, operations, limits, onFault }: ApiOptions): Api {
  const server = createServer({ name: 'flame-fl', ignoreTrailingSlash: true })
  const description = JSON.stringify(openApi(operations))

  server.pre((request, response, next) => {
    const from = foreignSource(request.headers)
    if (from === undefined) return next()
    refuse(request, response, apiError('API_FOREIGN', { from }))
    return next(false)
  })
  server.get('/openapi.json', async (_request, response) => send(response, 200, 'application/json', description))
  for (const operation of operations) {
    const path = operation.path.replace(/\{(\w+)\}/g, ':$1')
    const mount = operation.method === 'delete' ? 'del' : operation.method
    server[mount](path, async (request: Request, response: Response) => {
      try {
        await respond(request, response, operation, await performed(request, operation))
      } catch (cause) {
        refuse(request, response, cause)
      }
    })
  }
  server.on('restifyError', (request: Request, response: Response, cause: unknown, done: () => void) => {
    refuse(request, response, routingError(request, cause))
    done()
  })
  return server

  async function performed(request: Request, operation: Operation): Promise<Answer> {
    const { body } = operation
    return operation.perform(ask, {
      params: request.params,
      query: Object.fromEntries(new URLSearchParams(request.getQuery())),
      body:
        body &&
        (await (body.type === 'json' ? readJson(request, limits.jsonBytes) : readForm(request, limits.formBytes))),
      apiKey: request.header('x-api-key'),
    })
  }

  function refuse(request: Request, response: Response, cause: unknown): void {
    const problem = problemOf(cause)
    // Without the query, which may hold a key.
    if (problem.status === 500) onFault(cause, `${request.method ?? ''} ${request.getPath()}`)
    // An answer that has begun can only be cut off: its length tells that it isn't whole.
    if (response.headersSent) return void response.destroy()
    // What is left of a body that was refused isn't read: the connection can't serve another request.
    if (!request.complete) response.setHeader('connection', 'close')
    const { type, text } = problemBody(problem, request.headers.accept)
    send(response, problem.status, type, text)
  }
}

async function respond(request: Request, response: Response, { status }: Operation, answer: Answer): Promise<void> {
  switch (answer.type) {
    case 'json':
      return send(response, status, 'application/json', JSON.stringify(answer.value))
    case 'page': {
      const { items, next } = answer.page
      if (next !== undefined) response.setHeader('link', `<${nextPage(request, next)}>; rel="next"`)
      return send(response, status, 'application/json', JSON.stringify(items))
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

function send(response: Response, status: number, type: string, text: string): void {
  const bytes = Buffer.from(text)
  response.sendRaw(status, bytes, { 'content-type': type, 'content-length': String(bytes.length) })
}

/** What the router refuses, as an error of this layer's table. */
function routingError(request: Request, cause: unknown): unknown {
  const { method = '' } = request
  const status = typeof cause === 'object' && cause !== null && 'statusCode' in cause ? cause.statusCode : 500
  if (status === 404) return apiError('API_NOT_FOUND', { path: request.getPath() })
  if (status === 405) return apiError('API_METHOD', { method, path: request.getPath() })
  if (typeof status === 'number' && status < 500)
    return apiError('API_BAD_REQUEST', { found: cause instanceof Error ? cause.message : status }, { cause })
  return cause
}
