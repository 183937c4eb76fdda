import { z } from 'zod'
import type { Ask, ControlPlaneMessage, NumberedEvent, Page, ReadArchive, Reply } from '../actors/index.ts'
import { checkIdentifier, decodeModel } from '../actors/model/index.ts'
import type { ActorRef } from '../runtime/index.ts'
import { type Auth, assertOwn, type Caller } from './auth/authority.ts'
import { queryDecoder } from './http/query.ts'

export type Method = 'get' | 'post' | 'put' | 'delete'

/** The undecoded parts of a request. */
export interface Call {
  readonly params: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string>>
  readonly body: unknown
  readonly apiKey: string | undefined
  /** Undefined where nobody is asked who they are. */
  readonly caller: Caller | undefined
  /** As it came: the number after which a stream of events goes on. */
  readonly lastEventId: string | undefined
}

export type OperationAnswer =
  | { readonly type: 'json'; readonly value: unknown }
  | { readonly type: 'page'; readonly page: Page<unknown> }
  | { readonly type: 'archive'; readonly archive: ReadArchive }
  /** The JSON with which the same request was answered before. */
  | { readonly type: 'kept'; readonly json: string }
  | { readonly type: 'form'; readonly parts: readonly FormPart[] }
  | { readonly type: 'events'; readonly events: FollowedEvents }

/** Events of a job, to be sent as they come. */
export interface FollowedEvents {
  /** The number after which they begin. */
  readonly after: number
  /** Whether the events are followed until the job has ended, or read up to the present one. */
  readonly follow: boolean
  isWanted(event: NumberedEvent['event']): boolean
  /** Those after a number, in order; if there are none, it waits for the next. */
  read(after: number, waitMs: number): Promise<readonly NumberedEvent[]>
  /** Whether the job is at rest. */
  hasEnded(): Promise<boolean>
}

/** A file of a form. */
export interface FormPart {
  readonly name: string
  /** Its media type. */
  readonly type: string
  readonly content: string | Uint8Array
}

export type AnswerModel =
  | { readonly type: 'json' | 'page'; readonly model: z.ZodType }
  | { readonly type: 'events'; readonly model: z.ZodType }
  /** `media`: the media type, where it isn't that of a zip. */
  | { readonly type: 'archive'; readonly media?: string }
  | { readonly type: 'form'; readonly files: readonly string[] }

/**
 * One operation of the interface. Routes, the API's description and the client are made of operations. The type parameters
 * keep the types of the definition, for the client's methods.
 */
export interface Operation<
  Id extends string = string,
  Path extends string = string,
  Query extends z.ZodObject = z.ZodObject,
  Body extends z.ZodType = z.ZodType,
  Answered extends AnswerModel = AnswerModel,
> {
  readonly id: Id
  readonly method: Method
  /** With parameters in braces. */
  readonly path: Path
  readonly summary: string
  readonly auth: Auth
  readonly status: 200 | 201
  /** Not of the interface that existing clients know. */
  readonly isAddition: boolean
  readonly query: Query
  /** Of a form, `files` names the fields that are files. */
  readonly body?: { readonly type: 'json' | 'form'; readonly model: Body; readonly files: readonly string[] }
  readonly answer: Answered
  /** Decodes the call, asks the control plane, and answers. Rejects with a coded error. */
  perform(ask: Ask<ControlPlaneMessage>, call: Call): Promise<OperationAnswer>
}

/** The parameters of a path. */
export type Named<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Named<Rest>
  : never

/** A call whose parts are decoded. */
interface DecodedCall<Path extends string, Query, Body> {
  param(name: Named<Path>): string
  readonly query: Query
  readonly body: Body
  readonly apiKey: string | undefined
  readonly lastEventId: string | undefined
  /** Whether the caller was asked who they are. */
  readonly isAuthenticated: boolean
  /** Whether the caller has shown to be an administrator. */
  readonly isAdmin: boolean
}

type Request<Value> = (replyTo: ActorRef<Reply<Value>>) => ControlPlaneMessage

interface Definition<Id extends string, Path extends string, Query extends z.ZodObject, Body extends z.ZodType> {
  readonly id: Id
  readonly method: Method
  readonly path: Path
  readonly summary: string
  readonly auth?: Auth
  readonly status?: 200 | 201
  readonly isAddition?: boolean
  readonly query: Query
  readonly body: Body
  /** The body is a form, and these of its fields are files. */
  readonly form?: readonly string[]
  /** Asked first, where the actor that `request` asks can't check the caller's right. */
  readonly authorize?: (call: DecodedCall<Path, z.output<Query>, z.output<Body>>) => Request<null>
  /** Whose things it's about, if no parameter `user` says so. */
  readonly owner?: (call: DecodedCall<Path, z.output<Query>, z.output<Body>>) => string
}

type Asks<Path extends string, Query extends z.ZodObject, Body extends z.ZodType, Value> = (
  call: DecodedCall<Path, z.output<Query>, z.output<Body>>,
) => Request<Value>

/** For operations that take neither a query nor a body. */
export const bare = { query: z.object({}), body: z.undefined() } as const
/** For operations with a body alone. */
export const noQuery = bare.query
export const noBody = bare.body

/** An operation whose answer is one JSON value. */
export function operation<
  Id extends string,
  Path extends string,
  Query extends z.ZodObject,
  Body extends z.ZodType,
  Model extends z.ZodType,
>(
  definition: Definition<Id, Path, Query, Body> & {
    readonly answer: Model
    readonly request: Asks<Path, Query, Body, z.output<Model>>
  },
) {
  const { answer: model, request } = definition
  return made(definition, { type: 'json' as const, model }, async (ask, call) => ({
    type: 'json',
    value: await ask(request(call)),
  }))
}

/** An operation whose answer is a page of a list. */
export function listOperation<
  Id extends string,
  Path extends string,
  Query extends z.ZodObject,
  Body extends z.ZodType,
  Model extends z.ZodType,
>(
  definition: Definition<Id, Path, Query, Body> & {
    readonly item: Model
    readonly request: Asks<Path, Query, Body, Page<z.output<Model>>>
  },
) {
  const { item: model, request } = definition
  return made(definition, { type: 'page' as const, model }, async (ask, call) => ({
    type: 'page',
    page: await ask(request(call)),
  }))
}

/** An operation whose answer is one file: an archive of code, a model. */
export function archiveOperation<
  Id extends string,
  Path extends string,
  Query extends z.ZodObject,
  Body extends z.ZodType,
>(
  definition: Definition<Id, Path, Query, Body> & {
    readonly media?: string
    readonly request: Asks<Path, Query, Body, ReadArchive>
  },
) {
  const { request, media } = definition
  return made(definition, { type: 'archive' as const, ...(media !== undefined && { media }) }, async (ask, call) => ({
    type: 'archive',
    archive: await ask(request(call)),
  }))
}

/** An operation whose answer is a form with these files. */
export function formOperation<
  Id extends string,
  Path extends string,
  Query extends z.ZodObject,
  Body extends z.ZodType,
  Value,
>(
  definition: Definition<Id, Path, Query, Body> & {
    readonly files: readonly string[]
    readonly request: Asks<Path, Query, Body, Value>
    /** In the order of `files`. */
    readonly parts: (value: Value) => readonly FormPart[]
  },
) {
  const { files, request, parts } = definition
  return made(definition, { type: 'form' as const, files }, async (ask, call) => ({
    type: 'form',
    parts: parts(await ask(request(call))),
  }))
}

/** An operation of any kind of answer, from its definition and the function that performs a decoded call. */
export function made<
  Id extends string,
  Path extends string,
  Query extends z.ZodObject,
  Body extends z.ZodType,
  Answered extends AnswerModel,
>(
  {
    id,
    method,
    path,
    summary,
    auth = 'user',
    status = 200,
    isAddition = false,
    query,
    body,
    form,
    authorize,
    owner,
  }: Definition<Id, Path, Query, Body>,
  answer: Answered,
  perform: (
    ask: Ask<ControlPlaneMessage>,
    call: DecodedCall<Path, z.output<Query>, z.output<Body>>,
  ) => Promise<OperationAnswer>,
): Operation<Id, Path, Query, Body, Answered> {
  const decodeQuery = queryDecoder(query)
  return {
    id,
    method,
    path,
    summary,
    auth,
    status,
    isAddition,
    query,
    answer,
    ...(body instanceof z.ZodUndefined
      ? {}
      : { body: { type: form ? 'form' : 'json', model: body, files: form ?? [] } }),
    async perform(ask, call) {
      for (const [name, value] of Object.entries(call.params)) checkIdentifier(name, value)
      const decoded: DecodedCall<Path, z.output<Query>, z.output<Body>> = {
        param: (name) => call.params[name] ?? '',
        query: decodeQuery(call.query),
        body: decodeModel(body, call.body),
        apiKey: call.apiKey,
        lastEventId: call.lastEventId,
        isAuthenticated: call.caller !== undefined,
        isAdmin: call.caller?.scopes.includes('admin') ?? false,
      }
      if (call.caller && owner) assertOwn(call.caller, owner(decoded))
      if (authorize) await ask(authorize(decoded))
      return perform(ask, decoded)
    },
  }
}
