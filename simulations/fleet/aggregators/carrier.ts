import { bytesOf } from '../flight.ts'
import type { FleetClock } from '../timetable.ts'
import { msOf, type Station } from './station.ts'

/** The stations that a message passes, and whether it is an update, which waits to be taken. */
export interface Passage {
  readonly from: Station
  readonly to: Station
  readonly isUpdate: boolean
}

/** Carries a message between two aggregators. `deliver` is called when the other one takes the message. */
export type Carrier = (message: unknown, passage: Passage, deliver: () => void) => void

/** Carries messages between aggregators in the time that their links, their latency and the other one's work take. */
export function carrier(clock: Pick<FleetClock, 'now' | 'at'>): Carrier {
  return (message, { from, to, isUpdate }, deliver) => {
    const bytes = bytesOf(message)
    const start = from.send(clock.now(), bytes)
    const { send = Number.POSITIVE_INFINITY, latencyMs = 0 } = from.capacity
    const { receive = Number.POSITIVE_INFINITY } = to.capacity
    const comes = start + msOf(bytes, Math.min(send, receive)) + latencyMs
    then(comes, () => {
      if (!isUpdate) return then(to.receive(comes, bytes), deliver)
      const update = { order: -1, at: comes }
      to.queue(update, bytes, comes)
      const take = () => {
        if (to.take(update, clock.now())) deliver()
        else then(update.at, take)
      }
      then(update.at, take)
    })
  }

  /** Without limits, messages between aggregators come before all else that happens at the same time. */
  function then(at: number, act: () => void): void {
    if (at > clock.now()) clock.at(at, act)
    else act()
  }
}
