import type { IncomingMessage } from 'node:http'
import { type Ask, type ControlPlaneMessage, inContext, type NewAuditEntry } from '../../actors/index.ts'
import { exchangeOf, loggedPath } from '../http/exchange.ts'
import type { Log } from './log.ts'

/** Notes in the audit log who asks for a change, and how it's answered, or why it's refused. */
export interface AuditTrail {
  /** Durable when it resolves: whatever is changed is changed by somebody who is named. */
  asked(request: IncomingMessage): Promise<null>
  /** A while later, together with others: that it was asked is noted. What can't be noted of an answer is logged. */
  answered(request: IncomingMessage, status: number): void
  /** Durable when it resolves, or logged that it's not. */
  refused(request: IncomingMessage, status: number): Promise<void>
  /** Resolves when all that was to be noted so far is. */
  settled(): Promise<void>
}

/** How long answers wait to be written together. */
const togetherMs = 50

export function auditTrail(ask: Ask<ControlPlaneMessage>, log: Log): AuditTrail {
  const unsettled = new Set<Promise<void>>()
  let next: Promise<void> | undefined

  /** The same instant for all who ask until then. */
  function soon(): Promise<void> {
    next ??= new Promise((resolve) => {
      setTimeout(() => {
        next = undefined
        resolve()
      }, togetherMs)
    })
    return next
  }

  function record(entry: NewAuditEntry): Promise<null> {
    return inContext(ask, { requestId: entry.requestId })((replyTo) => ({ type: 'record-audit', entry, replyTo }))
  }

  async function recordAnswer(entry: NewAuditEntry): Promise<void> {
    try {
      await record(entry)
    } catch (cause) {
      log.error({ requestId: entry.requestId, err: cause }, 'the audit log was not written')
    }
  }

  return {
    asked: (request) => record(entryOf(request)),
    answered(request, status) {
      const entry = entryOf(request, status)
      const noted = soon().then(() => recordAnswer(entry))
      unsettled.add(noted)
      void noted.then(() => unsettled.delete(noted))
    },
    refused: (request, status) => recordAnswer(entryOf(request, status)),
    async settled() {
      await Promise.all(unsettled)
    },
  }
}

function entryOf(request: IncomingMessage, status?: number): NewAuditEntry {
  const { requestId, caller, operation, code } = exchangeOf(request)
  const { remoteAddress } = request.socket
  return {
    requestId,
    ...(caller ? { user: caller.user, tokenId: caller.tokenId } : {}),
    ...(remoteAddress === undefined ? {} : { address: remoteAddress }),
    ...(operation === undefined ? {} : { operation }),
    method: request.method ?? '',
    path: loggedPath(request),
    ...(status === undefined ? {} : { status }),
    ...(code === undefined ? {} : { code }),
  }
}
