import type { Asked, Request } from '../requests/requests.ts'

/** A request that may come again, and must have its effect once. */
export interface RepeatableRequest {
  /** Who asked; empty where nobody is asked who they are. */
  readonly user: string
  /** Of who asked, for what, under which key. */
  readonly id: string
  /** Of what was asked: the same key with another is a mistake. */
  readonly fingerprint: string
}

export interface KeptAnswer {
  readonly status: number
  /** The body, as it was sent. */
  readonly json: string
}

export type Begun =
  /** `once` names what the request makes, however often it's begun. */
  | { readonly type: 'go'; readonly once: string }
  /** It was answered already. */
  | { readonly type: 'again'; readonly answer: KeptAnswer }

export interface IdempotencyRequests {
  /** IDEMPOTENCY_DIFFERS, IDEMPOTENCY_UNDER_WAY. */
  'begin-once': Request<{ readonly request: RepeatableRequest }, Begun>
  /** Each request that was answered `go` must end. Answered once the end is durable. */
  'end-once': Request<{ readonly id: string; readonly outcome: OnceOutcome }, null>
}
export type IdempotencyMessage = Asked<IdempotencyRequests>

export type OnceOutcome =
  | { readonly type: 'answered'; readonly answer: KeptAnswer }
  /** Nothing was changed: it's as if it had not come. */
  | { readonly type: 'refused' }
  /** It may have had its effect; when it comes again, it goes on. */
  | { readonly type: 'unknown' }
