import { fieldsOf, isCount } from '../../../../runtime/index.ts'
import type { VerticalSettings } from '../../../strategy/algorithm.ts'
import { isNotCounted } from '../../not-counted.ts'
import type { NotCounted } from '../../role.ts'
import { type Attempt, isOf } from '../attempt.ts'
import { type Alignment, type LabelHolderContext, requireNoFailure } from './match-entities.ts'
import { partyError } from './party-errors.ts'
import { type FromFeatureHolder, type HolderState, holderProperty, isHolderState } from './vertical-protocol.ts'

type Finished = Extract<FromFeatureHolder, { readonly type: 'finished' }>

/** A feature holder has restarted, and has lost what it was training: all parties run the round again. */
export class HolderRestarted extends Error {}

/** The feature holders without which a batch goes on. */
interface Absence {
  readonly batch: number
  readonly ends: readonly NotCounted[]
}

/** Waits for the feature holders in one round, whose absences are decisions. */
export interface Attendance {
  /** Begins an attempt with the holders that are there, once they are aligned. */
  begin(attempt: Attempt, counted: Readonly<Record<string, number>>): Promise<void>
  /**
   * By holder: the values of a batch, without those of absent holders.
   *
   * @throws HolderRestarted; ROLE_PARTY_ABSENT if an absence fails the round; ROLE_PARTY_FAILED.
   */
  activations(batch: number): Promise<ReadonlyMap<string, Float32Array>>
  /** By holder: the message that it has finished the attempt. `batch`: the number after the last. Throws as above. */
  finished(batch: number): Promise<ReadonlyMap<string, Finished>>
  /** The holders without which a batch goes on. */
  absent(batch: number): readonly NotCounted[]
}

export function attendance(
  alignment: Alignment,
  { absent, deadlineMs }: VerticalSettings,
  { channels: { holders }, decide, recorded, notice }: LabelHolderContext,
): Attendance {
  const names = holders.expected
  const absences: Absence[] = []
  // A run of the round that was interrupted may have gone on without a holder: so does this one.
  for (let known = recorded('absence 0', isAbsence); known; known = recorded(`absence ${absences.length}`, isAbsence))
    absences.push(known)
  let present: Attempt = { round: 0, attempt: 0 }
  /** By holder: the life in which it takes part in the attempt. */
  const lives = new Map<string, number>()
  /** By holder and batch. */
  const values = new Map<string, Float32Array>()
  const finished = new Map<string, Finished>()

  const absentFrom = (batch: number) =>
    absences.filter((absence) => absence.batch === batch).flatMap(({ ends }) => ends)
  const stateOf = (end: string): HolderState | undefined => {
    const state = holders.property(end, holderProperty)
    return isHolderState(state) ? state : undefined
  }
  const isGone = (end: string) => !lives.has(end) || !holders.has(end)

  /** Takes all messages that have arrived, and keeps those of this attempt. */
  function note(): void {
    for (let arrival = holders.take(() => true); arrival; arrival = holders.take(() => true)) {
      const { end, message } = arrival
      if (absent === 'fail') requireNoFailure(arrival)
      else if (message.type === 'failed')
        notice({ code: message.code, message: `${end} leaves the job: ${message.reason}` })
      if (!('attempt' in message && isOf(present, message))) continue
      if (message.type === 'finished') finished.set(end, message)
      else values.set(`${message.batch} ${end}`, message.values)
    }
  }

  async function whenThere(batch: number, isThere: (end: string) => boolean): Promise<void> {
    const deadline = deadlineMs === undefined ? undefined : holders.deadline(deadlineMs)
    try {
      for (;;) {
        note()
        const without = new Set(absentFrom(batch).map(({ end }) => end))
        const missing = names.filter((end) => !without.has(end) && !isThere(end))
        if (missing.length === 0) return
        const gone = missing.filter(isGone)
        if (missing.some((end) => !isGone(end) && stateOf(end)?.life !== lives.get(end))) throw new HolderRestarted()
        if (deadline?.hasPassed || gone.length > 0) await goOnWithout(batch, deadline?.hasPassed ? missing : gone)
        else await holders.changed(deadline)
      }
    } finally {
      deadline?.cancel()
    }
  }

  async function goOnWithout(batch: number, ends: readonly string[]): Promise<void> {
    const make = (): Absence => ({ batch, ends: ends.map((end) => ({ end, reason: isGone(end) ? 'gone' : 'late' })) })
    if (absent === 'fail') {
      const [first] = make().ends
      const why = first?.reason === 'late' ? `has not answered within ${deadlineMs} ms` : 'has left'
      throw partyError('ROLE_PARTY_ABSENT', { end: first?.end, why, batch, round: present.round })
    }
    absences.push(await decide(`absence ${absences.length}`, make, isAbsence, { durable: true }))
  }

  /** Waits until the holders that are there have the common order. */
  async function aligned(): Promise<void> {
    const told = new Map<string, number>()
    for (;;) {
      note()
      const waiting = names.filter((end) => holders.has(end) && stateOf(end)?.aligned !== alignment.digest)
      if (waiting.length === 0) return
      for (const end of waiting) {
        const life = stateOf(end)?.life
        if (life === undefined || told.get(end) === life) continue
        told.set(end, life)
        const { presentation, digest, training } = alignment
        const positions = alignment.positions[end] ?? new Uint32Array()
        const party = 1 + names.indexOf(end)
        holders.send(end, { type: 'aligned', presentation, positions, digest, training, party }, { keep: false })
      }
      await holders.changed()
    }
  }

  return {
    async begin(attempt, counted) {
      await aligned()
      present = attempt
      lives.clear()
      values.clear()
      finished.clear()
      for (const end of names) {
        const life = holders.has(end) ? stateOf(end)?.life : undefined
        if (life === undefined) continue
        lives.set(end, life)
        const last = counted[end]
        holders.send(end, { type: 'begin', ...attempt, ...(last !== undefined && { counted: last }) }, { keep: false })
      }
    },
    async activations(batch) {
      await whenThere(batch, (end) => values.has(`${batch} ${end}`))
      const without = new Set(absentFrom(batch).map(({ end }) => end))
      return new Map(
        names.flatMap((end) => {
          const found = without.has(end) ? undefined : values.get(`${batch} ${end}`)
          values.delete(`${batch} ${end}`)
          return found ? [[end, found] as const] : []
        }),
      )
    },
    async finished(batch) {
      await whenThere(batch, (end) => finished.has(end))
      const without = new Set(absentFrom(batch).map(({ end }) => end))
      return new Map([...finished].filter(([end]) => !without.has(end)).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    },
    absent: absentFrom,
  }
}

function isAbsence(value: unknown): value is Absence {
  const { batch, ends } = fieldsOf(value)
  return isCount(batch) && isNotCounted(ends)
}
