import { type ActorContext, CodedError, isStoreTrouble } from '../../../runtime/index.ts'
import { ownSite, type Spread, type SpreadNews } from './spread-parts.ts'
import type { SpreadState } from './spread-state.ts'

const mostFaults = 3
const firstBackOffMs = 1000
/** Codes with which a site refuses tasks for a while only. */
const passingCodes = ['SITE_FULL', 'FLAMELET_FULL', 'FLAMELET_DRAINING']

/** Has tasks that a site refuses, or hosts no more, tried again or placed elsewhere. */
export function siteRefusals(
  context: ActorContext<SpreadNews>,
  { tasks, fail }: SpreadState,
  arrange: () => Promise<void>,
) {
  return { refused, again }

  /** Tries refused tasks elsewhere, or later at the same site; otherwise they have failed. */
  async function refused(name: string, concerned: readonly Spread[], cause: unknown): Promise<void> {
    const passes = isPassing(cause)
    const retried: string[] = []
    for (const spread of concerned) {
      if (spread.state === 'ended' || spread.state === 'leaving') continue
      spread.state = 'waiting'
      spread.refusals.set(name, cause)
      spread.faults += 1
      const isFault = !(cause instanceof CodedError) && spread.faults < mostFaults
      if (passes || isFault) retried.push(spread.task.end)
      if (name !== ownSite && !isFault) spread.place = undefined
    }
    if (retried.length > 0)
      context.after(firstBackOffMs * 2 ** Math.min(3, concerned[0]?.faults ?? 1), {
        type: 'again',
        name,
        ends: retried,
      })
    await arrange()
    for (const spread of concerned)
      if (spread.state === 'waiting' && !retried.includes(spread.task.end) && spread.refusals.get(spread.place ?? name))
        fail(spread, cause)
  }

  /** The site may be asked again to host these tasks. */
  function again(name: string, ends: readonly string[]): Promise<void> {
    for (const end of ends) tasks.get(end)?.refusals.delete(name)
    return arrange()
  }
}

function isPassing(cause: unknown): boolean {
  return isStoreTrouble(cause) || (cause instanceof CodedError && passingCodes.includes(cause.code))
}
