import type { Incarnation, Member } from './wiring.ts'

/** A message that is sent again when an end it was for joins as a new incarnation. */
interface Kept {
  readonly ends: readonly string[]
  readonly message: unknown
}

/** What an end sends on a channel: numbered, and kept for ends that restart. */
export class Outbox {
  readonly #channel: string
  readonly #from: string
  #incarnation: Incarnation = 0
  #keptBefore: Kept[] = []
  #kept: Kept[] = []
  readonly #sent = new Map<string, { readonly to: Incarnation; count: number }>()

  constructor(channel: string, from: string) {
    this.#channel = channel
    this.#from = from
  }

  begin(incarnation: Incarnation): void {
    this.#incarnation = incarnation
  }

  send(ends: readonly string[], message: unknown, keep: boolean, members: ReadonlyMap<string, Member>): void {
    if (keep) this.#kept.push({ ends, message })
    for (const end of ends) {
      const member = members.get(end)
      if (member) this.#deliver(member, message)
    }
  }

  /** Everything kept that was for this end, in the order sent. */
  resend(member: Member): void {
    for (const { ends, message } of [...this.#keptBefore, ...this.#kept])
      if (ends.includes(member.end)) this.#deliver(member, message)
  }

  /** A round was committed: what was sent before the last one needn't be kept any more. */
  committed(): void {
    if (this.#kept.length === 0 && this.#keptBefore.length === 0) return
    this.#keptBefore = this.#kept
    this.#kept = []
  }

  #deliver({ end, ref, incarnation: to }: Member, message: unknown): void {
    let sent = this.#sent.get(end)
    if (sent?.to !== to) {
      sent = { to, count: 0 }
      this.#sent.set(end, sent)
    }
    sent.count += 1
    ref.tell({
      type: 'deliver',
      channel: this.#channel,
      from: this.#from,
      incarnation: this.#incarnation,
      number: sent.count,
      to,
      message,
    })
  }
}
