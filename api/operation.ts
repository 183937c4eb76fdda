import { z } from 'zod'
import {
  type Ask,
  type ControlPlaneMessage,
  checkIdentifier,
  decodeModel,
  type Page,
  type ReadArchive,
  type Reply,
} from '../actors/index.ts'
import type { ActorRef } from '../runtime/index.ts'
import { apiError } from './errors.ts'
import { decodeQuery } from './http/query.ts'

export type Method = 'get' | 'post' | 'put' | 'delete'

/** Who may call: a user for their own things, a compute or a task by its key. */
export type Auth = 'user' | 'compute-key' | 'task-key'

/** What came with a request, not yet decoded. */
export interface Call {
  readonly params: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string>>
  readonly body: unknown
  readonly apiKey: string | undefined
}

export type Answer =
  | { readonly type: 'json'; readonly value: unknown }
  | { readonly type: 'page'; readonly page: Page<unknown> }
  | { readonly type: 'archive'; readonly archive: ReadArchive }

/** One operation of the interface: what routes and the API's description are made of. */
export interface Operation {
  readonly id: string
  readonly method: Method
  /** With parameters in braces. */
  readonly path: string
  readonly summary: string
  readonly auth: Auth
  readonly status: 200 | 201
  readonly query: z.ZodObject
  readonly body?: { readonly type: 'json' | 'form'; readonly model: z.ZodType }
  readonly answer: { readonly type: 'json' | 'page'; readonly model: z.ZodType } | { readonly type: 'archive' | 'form' }
  /** Decodes the call, asks the control plane, and answers. Rejects with a coded error. */
  perform(ask: Ask<ControlPlaneMessage>, call: Call): Promise<Answer>
}

type Named<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}` ? Name | Named<Rest> : never

/** A call whose parts are decoded. */
interface DecodedCall<Path extends string, Query, Body> {
  param(name: Named<Path>): string
  readonly query: Query
  readonly body: Body
  readonly apiKey: string | undefined
}

type Request<Value> = (replyTo: ActorRef<Reply<Value>>) => ControlPlaneMessage

interface Definition<Path extends string, Query extends z.ZodObject, Body> {
  readonly id: string
  readonly method: Method
  readonly path: Path
  readonly summary: string
  readonly auth?: Auth
  readonly status?: 200 | 201
  readonly query: Query
  readonly body: z.ZodType<Body>
  readonly form?: true
}

type Asks<Path extends string, Query extends z.ZodObject, Body, Value> = (
  call: DecodedCall<Path, z.output<Query>, Body>,
) => Request<Value>

/** For operations that take neither a query nor a body. */
export const bare = { query: z.object({}), body: z.undefined() } as const
/** For operations with a body alone. */
export const noQuery = bare.query
export const noBody = bare.body

/** An operation whose answer is one JSON value. */
export function operation<Path extends string, Query extends z.ZodObject, Body, Value>(
  definition: Definition<Path, Query, Body> & {
    readonly answer: z.ZodType<Value>
    readonly request: Asks<Path, Query, Body, Value>
  },
): Operation {
  const { answer: model, request } = definition
  return made(definition, { type: 'json', model }, async (ask, call) => ({
    type: 'json',
    value: await ask(request(call)),
  }))
}

/** An operation whose answer is a page of a list. */
export function listOperation<Path extends string, Query extends z.ZodObject, Body, Item>(
  definition: Definition<Path, Query, Body> & {
    readonly item: z.ZodType<Item>
    readonly request: Asks<Path, Query, Body, Page<Item>>
  },
): Operation {
  const { item: model, request } = definition
  return made(definition, { type: 'page', model }, async (ask, call) => ({
    type: 'page',
    page: await ask(request(call)),
  }))
}

/** An operation whose answer is a code archive. */
export function archiveOperation<Path extends string, Query extends z.ZodObject, Body>(
  definition: Definition<Path, Query, Body> & { readonly request: Asks<Path, Query, Body, ReadArchive> },
): Operation {
  const { request } = definition
  return made(definition, { type: 'archive' }, async (ask, call) => ({
    type: 'archive',
    archive: await ask(request(call)),
  }))
}

/** An operation that is described and that nobody answers yet. */
export function laterOperation<Path extends string, Query extends z.ZodObject, Body>(
  definition: Definition<Path, Query, Body> & { readonly answer: Operation['answer'] },
): Operation {
  return made(definition, definition.answer, () => {
    throw apiError('API_NOT_YET', { operation: definition.id })
  })
}

function made<Path extends string, Query extends z.ZodObject, Body>(
  { id, method, path, summary, auth = 'user', status = 200, query, body, form }: Definition<Path, Query, Body>,
  answer: Operation['answer'],
  perform: (ask: Ask<ControlPlaneMessage>, call: DecodedCall<Path, z.output<Query>, Body>) => Promise<Answer>,
): Operation {
  return {
    id,
    method,
    path,
    summary,
    auth,
    status,
    query,
    answer,
    ...(body instanceof z.ZodUndefined ? {} : { body: { type: form ? 'form' : 'json', model: body } }),
    async perform(ask, call) {
      for (const [name, value] of Object.entries(call.params)) checkIdentifier(name, value)
      return perform(ask, {
        param: (name) => call.params[name] ?? '',
        query: decodeQuery(query, call.query),
        body: decodeModel(body, call.body),
        apiKey: call.apiKey,
      })
    },
  }
}
