import type { IncomingMessage } from 'node:http'
import {
  type Ask,
  type ControlPlaneMessage,
  type CountedRefusal,
  inContext,
  type NewAuditEntry,
  refusalTally,
} from '../../actors/index.ts'
import type { Caller } from '../auth/authority.ts'
import { exchangeOf, loggedPath } from '../http/exchange.ts'
import type { Log } from '../log.ts'

/** Notes in the audit log who changes something, and counts the requests that are refused. */
export interface AuditTrail {
  /** Durable when it resolves: whatever is changed is changed by somebody who is named. */
  asked(request: IncomingMessage): Promise<unknown>
  /** Notes a while later, together with others, how a change that was asked for ended. A note that fails is logged. */
  answered(request: IncomingMessage, status: number): void
  /** Counts a refusal. Costs no write of its own. */
  refused(request: IncomingMessage, status: number): void
  /** Notes that a node has joined by a link. */
  joined(node: JoinedNode): void
  /** Counts a node that was not let in. Costs no write of its own. */
  refusedLink(node: RefusedNode): void
  /** Resolves when all that was to be noted so far is. */
  settled(): Promise<void>
}

interface JoinedNode {
  readonly node: string
  readonly incarnation: number
  readonly address: string
  /** Absent where nobody is asked for a token. */
  readonly caller?: Caller
}

interface RefusedNode {
  /** The name with which the node has greeted. */
  readonly node: string
  readonly address: string
  readonly code: string
  /** The user of a token that was good. */
  readonly user?: string
}

/** How long ends of requests wait to be written together. */
const togetherMs = 50
/** How long counts of refusals may be in memory alone. */
const countedMs = 60_000

export function auditTrail(ask: Ask<ControlPlaneMessage>, log: Log): AuditTrail {
  let ends: { readonly asked: Promise<number>; readonly entry?: NewAuditEntry }[] = []
  let noting: NodeJS.Timeout | undefined
  /** Ends that are being written. */
  const writing = new Set<Promise<void>>()
  let keeping: NodeJS.Timeout | undefined
  /** Refusals of this turn of the event loop. */
  const refusals = refusalTally()
  let telling: NodeJS.Immediate | undefined

  function ended(asked: Promise<number>, entry?: NewAuditEntry): void {
    ends.push(entry ? { asked, entry } : { asked })
    noting ??= setTimeout(writeEnds, togetherMs)
  }

  function countRefusal(refusal: CountedRefusal): void {
    refusals.add(refusal)
    telling ??= setImmediate(countRefusals)
    keeping ??= setTimeout(keepRefusals, countedMs).unref()
  }

  function writeEnds(): void {
    clearTimeout(noting)
    noting = undefined
    const written = noteEnds().finally(() => writing.delete(written))
    writing.add(written)
  }

  async function noteEnds(): Promise<void> {
    const taken = ends
    ends = []
    if (taken.length === 0) return
    // A request whose note failed was answered with that fault, and changed nothing that is known.
    const numbers = await Promise.allSettled(taken.map(({ asked }) => asked))
    const known = taken.flatMap(({ entry }, index) => {
      const number = numbers[index]
      return number?.status === 'fulfilled' ? [{ asked: number.value, ...(entry ? { entry } : {}) }] : []
    })
    await ask<null>((replyTo) => ({ type: 'note-ends', ends: known, replyTo })).catch((cause: unknown) =>
      log.error(
        { requestIds: taken.map(({ entry }) => entry?.requestId), err: cause },
        'the audit log was not written',
      ),
    )
  }

  /** Told together: many may be refused in a turn. */
  function countRefusals(): void {
    clearImmediate(telling)
    telling = undefined
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
      const entry = entryOf(request)
      const asked = inContext(ask, { requestId: entry.requestId })<number>((replyTo) => ({
        type: 'note-asked',
        entry,
        replyTo,
      }))
      exchangeOf(request).asked = asked
      return asked
    },
    answered(request, status) {
      const { asked } = exchangeOf(request)
      if (asked) ended(asked, entryOf(request, status))
    },
    refused(request, status) {
      const { caller, code = '', address, asked, operation } = exchangeOf(request)
      // Of a fault nobody knows how much was changed before.
      if (asked) ended(asked, status < 500 ? undefined : entryOf(request, status))
      if (asked && status >= 500) return
      const by = caller && {
        user: caller.user,
        path: loggedPath(request),
        ...(operation === undefined ? {} : { operation }),
      }
      countRefusal({ address, code, ...by, count: 1 })
    },
    joined({ node, incarnation, address, caller }) {
      const entry = {
        requestId: `${node}-${incarnation}`,
        ...(caller ? { user: caller.user, tokenId: caller.tokenId } : {}),
        address,
        operation: 'joinLink',
        method: 'GET',
        path: linkPath(node),
        status: 101,
      }
      const asked = ask<number>((replyTo) => ({ type: 'note-asked', entry, replyTo }))
      asked.catch((cause: unknown) => log.error({ node, err: cause }, 'the audit log was not written'))
      ended(asked, entry)
    },
    refusedLink({ node, address, code, user }) {
      const by = user === undefined ? {} : { user, path: linkPath(node) }
      countRefusal({ address, code, operation: 'joinLink', ...by, count: 1 })
    },
    async settled() {
      writeEnds()
      await Promise.all(writing)
      countRefusals()
      await keepRefusals()
    },
  }
}

/** A node at the path of links, as the audit log has it. */
function linkPath(node: string): string {
  return `/link/${encodeURIComponent(node).slice(0, 200)}`
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
