import type { IncomingMessage } from 'node:http'
import { type Ask, type ControlPlaneMessage, inContext, type NewAuditEntry, refusalTally } from '../../actors/index.ts'
import { exchangeOf, loggedPath } from '../http/exchange.ts'
import type { Log } from './log.ts'

/** Notes in the audit log who asks for a change and how it's answered, and counts what else is refused. */
export interface AuditTrail {
  /** Durable when it resolves: whatever is changed is changed by somebody who is named. */
  asked(request: IncomingMessage): Promise<null>
  /** A while later, together with others: that it was asked is noted. What can't be noted of an answer is logged. */
  answered(request: IncomingMessage, status: number): void
  /** A while later: of a change that was noted as asked for, that it was refused, else it's counted. Costs no write of its own. */
  refused(request: IncomingMessage, status: number): void
  /** Resolves when all that was to be noted so far is. */
  settled(): Promise<void>
}

/** How long answers wait to be written together. */
const togetherMs = 50
/** How long counts of refusals may be in memory alone. */
const countedMs = 60_000

export function auditTrail(ask: Ask<ControlPlaneMessage>, log: Log): AuditTrail {
  const unsettled = new Set<Promise<void>>()
  let next: Promise<void> | undefined
  let keeping: NodeJS.Timeout | undefined
  /** Refusals of this turn of the event loop. */
  const refusals = refusalTally()
  let isTelling = false

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

  function answered(request: IncomingMessage, status: number): void {
    const entry = entryOf(request, status)
    const noted = soon().then(() => recordAnswer(entry))
    unsettled.add(noted)
    void noted.then(() => unsettled.delete(noted))
  }

  /** Told together: many may be refused in a turn. */
  function countRefusals(): void {
    isTelling = false
    const counts = refusals.take()
    if (counts.length === 0) return
    ask<null>((replyTo) => ({ type: 'count-refusals', counts, replyTo })).catch((cause: unknown) =>
      log.error({ err: cause }, 'refusals were not counted'),
    )
  }

  async function keepRefusals(): Promise<void> {
    clearTimeout(keeping)
    keeping = undefined
    await ask<null>((replyTo) => ({ type: 'keep-refusals', replyTo })).catch((cause: unknown) =>
      log.error({ err: cause }, 'what was refused was not written'),
    )
  }

  return {
    asked(request) {
      exchangeOf(request).isNoted = true
      return record(entryOf(request))
    },
    answered,
    refused(request, status) {
      const { caller, code = '', address, isNoted } = exchangeOf(request)
      if (isNoted) return answered(request, status)
      refusals.add({ ...(caller ? { user: caller.user } : {}), address, code })
      if (!isTelling) setImmediate(countRefusals)
      isTelling = true
      keeping ??= setTimeout(keepRefusals, countedMs).unref()
    },
    async settled() {
      await Promise.all(unsettled)
      if (isTelling) countRefusals()
      await keepRefusals()
    },
  }
}

function entryOf(request: IncomingMessage, status?: number): NewAuditEntry {
  const { requestId, caller, operation, code, address } = exchangeOf(request)
  return {
    requestId,
    ...(caller ? { user: caller.user, tokenId: caller.tokenId } : {}),
    ...(address === '' ? {} : { address }),
    ...(operation === undefined ? {} : { operation }),
    method: request.method ?? '',
    path: loggedPath(request),
    ...(status === undefined ? {} : { status }),
    ...(code === undefined ? {} : { code }),
  }
}
