import { z } from 'zod'
import { identifier, models } from '../actors/index.ts'
import { scopeFor } from './auth/authority.ts'
import { tagList } from './http/conditions.ts'
import { withZeroValues } from './openapi-zero-values.ts'
import type { Operation } from './operation.ts'

type Json = Readonly<Record<string, unknown>>

const problemSchema = {
  type: 'object',
  description: 'RFC 9457',
  required: ['type', 'title', 'status', 'detail', 'code', 'hint'],
  properties: {
    type: { type: 'string', format: 'uri' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    code: { type: 'string' },
    hint: { type: 'string' },
    faults: {
      type: 'array',
      items: {
        type: 'object',
        required: ['code', 'place', 'message'],
        properties: Object.fromEntries(['code', 'place', 'message', 'hint'].map((name) => [name, { type: 'string' }])),
      },
    },
    moreFaults: {
      type: 'integer',
      description: 'how many faults were found beside those that are listed; of a thousand or more, at least so many',
    },
  },
}

const keySchemes = {
  'compute-key': { type: 'apiKey', in: 'header', name: 'X-API-KEY' },
  'task-key': { type: 'apiKey', in: 'query', name: 'key' },
}

/** Describes the operations in OpenAPI 3.1, from the models by which they are decoded. */
export function openApi(
  operations: readonly Operation[],
  { authenticated = false }: { readonly authenticated?: boolean } = {},
): Json {
  const paths: Record<string, Record<string, Json>> = {}
  for (const operation of operations) {
    paths[operation.path] = {
      ...paths[operation.path],
      [operation.method]: described(operation, authenticated, operations),
    }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'flame-fl',
      version: '1',
      description: 'Designs, datasets, computes and jobs of federated learning.',
    },
    servers: [{ url: '/', description: 'where this description is served' }],
    tags: [
      { name: 'interface', description: 'what existing clients know' },
      { name: 'addition', description: 'what this server has beside it' },
    ],
    paths,
    components: {
      schemas: { ...componentsOf(), Problem: problemSchema },
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
        ...keySchemes,
      },
    },
  }
}

function described(operation: Operation, authenticated: boolean, operations: readonly Operation[]): Json {
  const { id, summary, auth, status, isAddition, body } = operation
  const links = linksOf(operation, operations)
  return {
    operationId: id,
    summary,
    tags: [isAddition ? 'addition' : 'interface'],
    security: [
      { ...(authenticated ? { token: [scopeFor[auth]] } : {}), ...(auth in keySchemes ? { [auth]: [] } : {}) },
    ],
    parameters: [...pathParameters(operation), ...queryParameters(operation), ...headerParameters(operation)],
    ...(body ? { requestBody: { required: true, content: requestContent(body) } } : {}),
    responses: {
      [status]: { description: 'Done', ...answerParts(operation), ...(links ? { links } : {}) },
      ...partialAnswers(operation),
      ...refusals(operation, authenticated),
      default: refused('Refused, or a fault of the server'),
    },
  }
}

/** A problem where the caller accepts one, else its detail alone. */
function refused(description: string): Json {
  return {
    description,
    content: {
      'application/problem+json': { schema: refTo('Problem') },
      'application/json': { schema: { type: 'string' } },
    },
  }
}

/** The refusals of an operation, by their status. */
function refusals({ path, method, auth, body, answer }: Operation, authenticated: boolean): Json {
  const changes = method !== 'get'
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
  const may: readonly (readonly [number, boolean, string])[] = [
    [400, true, 'The address, the query, a header or the body is malformed'],
    [401, authenticated || auth === 'compute-key', 'A token or a key is missing, or is not good any more'],
    [403, true, 'The caller may not: things of another user, another key, a page of another origin'],
    [404, names.some((name) => name !== 'user'), 'What the address names is not there'],
    [409, changes, 'The present state forbids it, or a request with the same Idempotency-Key is under way'],
    [412, method === 'put' || method === 'delete', 'What is there is not what the conditions name'],
    [413, body !== undefined, 'The body is too large'],
    [415, body !== undefined, 'The body is of another media type'],
    [416, answer.type === 'archive', 'The range lies outside'],
    [422, changes, 'The body is well-formed, and invalid; or the Idempotency-Key was used for another request'],
    [429, true, 'Too much is under way: Retry-After says for how many seconds to wait'],
  ]
  return Object.fromEntries(may.flatMap(([status, is, description]) => (is ? [[status, refused(description)]] : [])))
}

function pathParameters({ path }: Operation): Json[] {
  const schema = schemaOf(identifier)
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({ name, in: 'path', required: true, schema }))
}

function queryParameters({ query }: Operation): Json[] {
  const { properties = {}, required = [] } = z.toJSONSchema(query, { io: 'input' })
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema,
  }))
}

/** The headers that any reading of one thing, and any change, may have. */
function headerParameters({ method, answer }: Operation): Json[] {
  const text = { type: 'string' }
  const tags = { type: 'string', pattern: tagList.source }
  if (method !== 'get')
    return [
      ...(method === 'post' ? [] : [headerParameter('If-Match', 'change only what bears one of these tags', tags)]),
      ...(method === 'put' ? [headerParameter('If-None-Match', '*: create, and replace nothing', tags)] : []),
      headerParameter('Idempotency-Key', 'the same key again: the same answer, and no other effect', {
        ...text,
        pattern: '^[!-~]{1,255}$',
      }),
    ]
  if (answer.type === 'events')
    return [
      headerParameter('Last-Event-ID', 'the number after which the events begin', {
        type: 'string',
        pattern: '^\\d{0,9}$',
      }),
    ]
  if (!hasTag(answer)) return []
  const known = headerParameter('If-None-Match', 'answer with 304 to one of these tags', tags)
  if (answer.type === 'json') return [known]
  return [
    known,
    headerParameter('Range', 'one range of bytes', text),
    headerParameter('If-Range', 'of what bears this tag; else the whole', text),
  ]
}

function headerParameter(name: string, description: string, schema: Json): Json {
  return { name, in: 'header', required: false, description, schema }
}

function hasTag({ type }: Operation['answer']): boolean {
  return type === 'json' || type === 'archive'
}

function partialAnswers({ method, answer }: Operation): Json {
  if (answer.type === 'events') return { 204: { description: 'The job has ended, and nothing more will come' } }
  if (method !== 'get' || !hasTag(answer)) return {}
  const unchanged = { 304: { description: 'What bears the tag that the caller has' } }
  if (answer.type === 'json') return unchanged
  const bytes = { 'application/zip': { schema: { type: 'string', format: 'binary' } } }
  return { ...unchanged, 206: { description: 'A range of it', content: bytes } }
}

function requestContent({ type, model }: NonNullable<Operation['body']>): Json {
  if (type === 'json') return { 'application/json': { schema: schemaOf(model) } }
  const properties = {
    fileName: { type: 'string', minLength: 1, maxLength: 1024 },
    fileData: { type: 'string', format: 'binary', contentMediaType: 'application/zip' },
  }
  const schema = { type: 'object', required: ['fileName', 'fileData'], properties, additionalProperties: false }
  return { 'multipart/form-data': { schema } }
}

function answerParts({ answer }: Operation): Json {
  switch (answer.type) {
    case 'json':
      return { content: { 'application/json': { schema: schemaOf(answer.model) } } }
    case 'page':
      return {
        headers: { Link: { description: 'the next page, if there is one (RFC 8288)', schema: { type: 'string' } } },
        content: { 'application/json': { schema: { type: 'array', items: schemaOf(answer.model) } } },
      }
    case 'events':
      return { content: { 'text/event-stream': {} } }
    case 'archive':
      return { content: { [answer.media ?? 'application/zip']: { schema: { type: 'string', format: 'binary' } } } }
    case 'form':
      return { content: { 'multipart/form-data': { schema: filesSchema(answer.files) } } }
  }
}

function filesSchema(files: readonly string[]): Json {
  const file = { type: 'string', format: 'binary' }
  return { type: 'object', required: files, properties: Object.fromEntries(files.map((name) => [name, file])) }
}

/** A reference for a model that has a name, else its schema. */
function schemaOf(model: z.ZodType): Json {
  const id = models.get(model)?.id
  return id === undefined ? withZeroValues(withoutDialect(z.toJSONSchema(model, { io: 'input' }))) : refTo(id)
}

function componentsOf(): Json {
  const { schemas } = z.toJSONSchema(models, { io: 'input', uri: uriOf })
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [name, withZeroValues(withoutDialect(schema))]),
  )
}

/** OpenAPI 3.1 says once which dialect its schemas are in. */
function withoutDialect(described: Json): Json {
  const { $schema: _dialect, $id: _id, ...schema } = described
  return schema
}

function uriOf(id: string): string {
  return `#/components/schemas/${id}`
}

function refTo(id: string): Json {
  return { $ref: uriOf(id) }
}

/** For each creating operation: the path parameter that the new id fills, and where the id stands. */
const created: Readonly<Record<string, { readonly parameter: string; readonly id: string }>> = {
  createDesign: { parameter: 'designId', id: '$request.body#/id' },
  createDataset: { parameter: 'datasetId', id: '$response.body' },
  createJob: { parameter: 'jobId', id: '$response.body#/id' },
  registerCompute: { parameter: 'computeId', id: '$response.body#/computeId' },
}

/** The operations on the thing that an operation creates: those at its own path and below. */
function linksOf({ id, path }: Operation, operations: readonly Operation[]): Json | undefined {
  const made = created[id]
  if (!made) return undefined
  const own = `${path}/{${made.parameter}}`
  const user = path.includes('{user}') ? { user: '$request.path.user' } : {}
  const linked = operations.filter((operation) => `${operation.path}/`.startsWith(`${own}/`))
  return Object.fromEntries(
    linked.map((operation) => [
      operation.id,
      { operationId: operation.id, parameters: { ...user, [made.parameter]: made.id } },
    ]),
  )
}
