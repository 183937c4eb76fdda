import type { NumberedEvent } from '../../actors/index.ts'
import { operations } from '../operations/operations.ts'
import { answerOf } from './answer.ts'
import { type EventsOf, type FollowOptions, jobEvents } from './job-events.ts'
import type { Methods } from './methods.ts'
import { requestOf } from './request.ts'
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
