import { addedSums, type CutSums, cutSums, joinedSums } from '../../sum/cut-sums.ts'

export interface RingPassOptions {
  /** The ends in the ring's order. */
  readonly ring: readonly string[]
  /** This end, which is in the ring. */
  readonly self: string
  readonly own: CutSums
  /** Sends a part to the next end. */
  readonly send: (to: string, step: number, vectors: CutSums) => void
  /** The part that the end before has sent for a step, if it has come. */
  readonly part: (step: number) => CutSums | undefined
}

/**
 * All-reduce in a ring of P ends: vectors are cut into P parts. In P − 1 steps each end sends a part on and adds the one
 * that comes, so that it has the whole sum of one part; in P − 1 further steps the whole parts go round. Each end sends
 * 2(P − 1)/P of the model. The integers of the sums make the result the same in every order of ends.
 *
 * Returns a function that goes on as far as parts have come. It returns the whole sums at the end.
 *
 * @see Patarasuk, Yuan, Bandwidth optimal all-reduce algorithms for clusters of workstations, JPDC 2009.
 */
export function ringPass({ ring, self, own, send, part }: RingPassOptions): () => CutSums | undefined {
  const count = ring.length
  const rank = ring.indexOf(self)
  const next = ring[(rank + 1) % count] ?? self
  const before = ring[(rank + count - 1) % count] ?? self
  const parts = cutSums(own, count)
  const steps = 2 * (count - 1)
  let step = 0
  let sent = 0
  return () => {
    for (; step < steps; step++) {
      const isReducing = step < count - 1
      // Reducing begins with the end's own part, gathering with the part whose sum the end has.
      const first = isReducing ? rank : rank + 1
      const leaving = (first - (step % (count - 1)) + 2 * count) % count
      const coming = (leaving + count - 1) % count
      if (sent === step) {
        send(next, step, parts[leaving] ?? {})
        sent += 1
      }
      const came = part(step)
      if (!came) return undefined
      parts[coming] = isReducing ? addedSums(parts[coming] ?? {}, before, came) : came
    }
    return joinedSums(parts)
  }
}
