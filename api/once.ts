import { createHash } from 'node:crypto'
import { type Ask, type Begun, type ControlPlaneMessage, inContext, type RequestContext } from '../actors/index.ts'
import { encode } from '../runtime/index.ts'
import { problemOf } from './http/problem.ts'
import type { Answer, Call, Operation } from './operation.ts'

/** What a request came to, and how to keep it for a repetition: to be done before it's answered. */
export interface Performed {
  readonly answer: Answer
  readonly keep?: () => Promise<null>
}

/**
 * Performs what a request with an Idempotency-Key asks for, unless it was answered before: then with that answer.
 * A refusal isn't kept, since it changed nothing.
 */
export async function performOnce(
  ask: Ask<ControlPlaneMessage>,
  operation: Operation,
  call: Call,
  { key, path, context }: { readonly key: string; readonly path: string; readonly context: RequestContext },
): Promise<Performed> {
  const asked = inContext(ask, context)
  const id = digest([call.caller?.user ?? '', operation.id, path, key])
  const request = { id, fingerprint: digest([call.query, call.body ?? null]) }
  const begun = await asked<Begun>((replyTo) => ({ type: 'begin-once', request, replyTo }))
  if (begun.type === 'again') return { answer: { type: 'kept', json: begun.answer.json } }
  try {
    const answer = await operation.perform(inContext(ask, { ...context, once: begun.once }), call)
    const json = JSON.stringify(answer.type === 'json' ? answer.value : null)
    const outcome = { type: 'answered', answer: { status: operation.status, json } } as const
    return { answer, keep: () => asked((replyTo) => ({ type: 'end-once', id, outcome, replyTo })) }
  } catch (cause) {
    const outcome = { type: problemOf(cause).status < 500 ? 'refused' : 'unknown' } as const
    await asked<null>((replyTo) => ({ type: 'end-once', id, outcome, replyTo }))
    throw cause
  }
}

function digest(value: unknown): string {
  return createHash('sha256').update(encode(value)).digest('base64url')
}
