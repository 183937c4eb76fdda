import type { z } from 'zod'
import type { NumberedEvent, Page } from '../../actors/index.ts'
import type { AnswerModel, Named, Operation } from '../operation.ts'
import { operations } from '../operations/operations.ts'
import { answerOf, type CodeDownload, requestOf } from './codec.ts'
import { type EventsOf, type FollowOptions, jobEvents } from './job-events.ts'
import { type CallOptions, type TransportOptions, transport } from './transport.ts'

export type ClientOptions = TransportOptions

/** A method for each operation of the API, and the events of a job. */
export interface ApiClient extends Methods {
  readonly endpoint: string
  /**
   * A job's events after a number, as they come, across losses of the connection: each once, in order, without an end.
   * JOB_NOT_FOUND; CLIENT_EVENTS_LOST once they couldn't be had for as long as the caller's patience.
   */
  jobEvents(of: EventsOf, options?: FollowOptions): AsyncGenerator<NumberedEvent, void, void>
}

/**
 * A client of the control plane, for Node and for pages, made from the table of operations. Requests that fail on their way
 * are sent again a few times, each with the same Idempotency-Key. CLIENT_ENDPOINT.
 */
export function apiClient(options: ClientOptions): ApiClient {
  const to = transport(options)
  const client = {
    endpoint: to.endpoint,
    jobEvents: (of: EventsOf, options: FollowOptions = {}) => jobEvents(to, of, options),
  }
  for (const operation of operations) {
    const call = async (input: Readonly<Record<string, unknown>> = {}, options: CallOptions = {}) =>
      answerOf(operation, await to.send(requestOf(operation, input, options)))
    Object.assign(client, { [operation.id]: call })
  }
  if (!hasMethods(client)) throw new Error('an operation has no method')
  return client
}

/** The methods' types are the definitions', by which each of them encodes and decodes. */
function hasMethods<Rest extends object>(client: Rest): client is Rest & Methods {
  return operations.every(({ id }) => Object.hasOwn(client, id))
}

type Operations = (typeof operations)[number]

/** Flags and numbers are text in a query. */
type QueryValue<Value> = Value extends 'true' | 'false' ? boolean : Value | number

type QueryOf<Query> = { readonly [Name in keyof Query]: QueryValue<Query[Name]> }

type QueryPart<Query> = keyof Query extends never
  ? unknown
  : Record<string, never> extends Query
    ? { readonly query?: QueryOf<Query> }
    : { readonly query: QueryOf<Query> }

/** A file of a form may be a Blob, such as `openAsBlob` makes of a file, which isn't read into memory. */
type BodyValue<Body> = { readonly [Name in keyof Body]: Body[Name] extends Uint8Array ? Uint8Array | Blob : Body[Name] }

type BodyPart<Body> = Body extends z.ZodUndefined
  ? unknown
  : Body extends z.ZodType
    ? { readonly body: BodyValue<z.input<Body>> }
    : never

type AnswerOf<Answered extends AnswerModel> = Answered extends { readonly type: 'json'; readonly model: infer Model }
  ? z.output<Model>
  : Answered extends { readonly type: 'page'; readonly model: infer Model }
    ? Page<z.output<Model>>
    : Answered extends { readonly type: 'archive' }
      ? CodeDownload
      : Answered extends { readonly type: 'events' }
        ? AsyncGenerator<NumberedEvent, void, void>
        : FormData

type Parts<Made> =
  Made extends Operation<string, infer Path, infer Query, infer Body, infer Answered>
    ? { path: Path; query: z.input<Query>; body: Body; answer: Answered }
    : never

type Input<P extends { path: string; query: unknown; body: unknown }> = {
  readonly [Name in Named<P['path']>]: string
} & QueryPart<P['query']> &
  BodyPart<P['body']>

type OperationOf<Id> = Operations extends infer Made
  ? Made extends { readonly id: infer Ids }
    ? Id extends Ids
      ? Made
      : never
    : never
  : never

/** The input of an operation: the parameters of its path, `query` and `body`, where it has them. */
export type InputOf<Id extends Operations['id']> = Input<Parts<OperationOf<Id>>>

/** The answer of an operation. */
export type OutputOf<Id extends Operations['id']> = AnswerOf<Parts<OperationOf<Id>>['answer']>

/** A method for each operation, under its id. Rejects with a coded error: the server's, or one of the client's own. */
type Methods = {
  readonly [Id in Operations['id']]: Record<string, never> extends InputOf<Id>
    ? (input?: InputOf<Id>, options?: CallOptions) => Promise<OutputOf<Id>>
    : (input: InputOf<Id>, options?: CallOptions) => Promise<OutputOf<Id>>
}
