import type { z } from 'zod'
import type { NumberedEvent, Page } from '../../actors/index.ts'
import type { AnswerModel, Named, Operation } from '../operation.ts'
import type { operations } from '../operations/operations.ts'
import type { CodeDownload } from './answer.ts'
import type { CallOptions } from './transport.ts'

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

/** What an operation is called with: its path's parameters, `query` and `body`, where it has them. */
export type InputOf<Id extends Operations['id']> = Input<Parts<OperationOf<Id>>>

/** What an operation is answered with. */
export type OutputOf<Id extends Operations['id']> = AnswerOf<Parts<OperationOf<Id>>['answer']>

/** A method for each operation, under its id. Rejects with a coded error: the server's, or one of the client's own. */
export type Methods = {
  readonly [Id in Operations['id']]: Record<string, never> extends InputOf<Id>
    ? (input?: InputOf<Id>, options?: CallOptions) => Promise<OutputOf<Id>>
    : (input: InputOf<Id>, options?: CallOptions) => Promise<OutputOf<Id>>
}
