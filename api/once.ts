import { createHash } from 'node:crypto'
import {
  type Ask,
  type Begun,
  type ControlPlaneMessage,
  inContext,
  type OnceOutcome,
  type RequestContext,
} from '../actors/index.ts'
import { encode } from '../runtime/index.ts'
import { problemOf } from './http/problem.ts'
import type { Call, Operation, OperationAnswer } from './operation.ts'

/** The outcome of a request. `keep` stores the answer for a repetition of the request, and runs before the answer is sent. */
export interface Performed {
  readonly answer: OperationAnswer
  readonly keep?: () => Promise<null>
}

interface KeyedRequest {
  readonly operation: Operation
  readonly call: Call
  /** Of the caller's. */
  readonly key: string
  readonly path: string
}

/**
 * Performs a request that has an Idempotency-Key. If an earlier request with this key was answered, returns that answer.
 * A refusal isn't kept, since a refusal changes nothing.
 */
export async function performOnce(
  ask: Ask<ControlPlaneMessage>,
  { operation, call, key, path }: KeyedRequest,
  context: RequestContext,
  perform: (context: RequestContext) => Promise<OperationAnswer>,
): Promise<Performed> {
  const asked = inContext(ask, context)
  // With the compute's key, so that nobody hears of an answer without it.
  const id = digest([call.caller?.user ?? '', call.apiKey ?? '', operation.id, path, key])
  const request = { user: call.caller?.user ?? '', id, fingerprint: digest([call.query, call.body ?? null]) }
  const end = (outcome: OnceOutcome) => asked<null>((replyTo) => ({ type: 'end-once', id, outcome, replyTo }))
  let begun: Begun | undefined
  try {
    begun = await asked<Begun>((replyTo) => ({ type: 'begin-once', request, replyTo }))
    if (begun.type === 'again') return { answer: { type: 'kept', json: begun.answer.json } }
    const answer = await perform({ ...context, once: begun.once })
    const json = JSON.stringify(answer.type === 'json' ? answer.value : null)
    return { answer, keep: () => end({ type: 'answered', answer: { status: operation.status, json } }) }
  } catch (cause) {
    if (problemOf(cause).status >= 500) await end({ type: 'unknown' })
    else if (begun) await end({ type: 'refused' })
    throw cause
  }
}

function digest(value: unknown): string {
  return createHash('sha256').update(encode(value)).digest('base64url')
}
