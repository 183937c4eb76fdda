import type { Request } from 'restify'
import { type Ask, type ControlPlaneMessage, inContext } from '../../actors/index.ts'
import { exchangeOf, loggedPath } from '../http/exchange.ts'
import type { Log } from './log.ts'

/** Notes in the audit log who asks for a change, and how it's answered, or why it's refused. */
export interface AuditTrail {
  /** Durable when it resolves: whatever is changed is changed by somebody who is named. */
  asked(request: Request): Promise<null>
  /** Resolves in any case: what can't be noted of an answer is logged. */
  answered(request: Request, status: number): Promise<void>
  /** Resolves when all that was to be noted so far is. */
  settled(): Promise<void>
}

export function auditTrail(ask: Ask<ControlPlaneMessage>, log: Log): AuditTrail {
  const unsettled = new Set<Promise<void>>()
  return {
    asked: (request) => record(request, {}),
    answered(request, status) {
      const { requestId, operation, code } = exchangeOf(request)
      const noted = record(request, { status, ...(code === undefined ? {} : { code }) }).then(
        () => {},
        (cause: unknown) => log.error({ requestId, operation, err: cause }, 'the audit log was not written'),
      )
      unsettled.add(noted)
      return noted.finally(() => unsettled.delete(noted))
    },
    async settled() {
      await Promise.all(unsettled)
    },
  }

  function record(request: Request, answer: { readonly status?: number; readonly code?: string }): Promise<null> {
    const { requestId, caller, operation } = exchangeOf(request)
    const { remoteAddress } = request.socket
    const entry = {
      requestId,
      ...(caller ? { user: caller.user, tokenId: caller.tokenId } : {}),
      ...(remoteAddress === undefined ? {} : { address: remoteAddress }),
      ...(operation === undefined ? {} : { operation }),
      method: request.method ?? '',
      path: loggedPath(request),
      ...answer,
    }
    return inContext(ask, { requestId })((replyTo) => ({ type: 'record-audit', entry, replyTo }))
  }
}
