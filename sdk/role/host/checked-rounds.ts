import { decode, encode } from '../../../runtime/index.ts'
import { RecordingPort, ReplayPort } from '../channel/recorded-channel.ts'
import { roleError } from '../errors.ts'
import type { Decisions } from './decisions.ts'
import { differenceOf } from './difference.ts'
import { emptyOutcome, notedEffects } from './noted-effects.ts'
import { type RoundParts, type Rounds, roleContext } from './role-context.ts'

/**
 * Runs each round twice, the second time on what the first one received and decided, and compares states, messages and what is published.
 * Throws ROLE_NOT_DETERMINISTIC for a role (or learner) that reads time or randomness from elsewhere than its context.
 */
export function checkedRounds<State, Channels>(parts: RoundParts<State, Channels>): Rounds<State, Channels> {
  const recording = parts.ports.map((port) => new RecordingPort(port))
  const noted = notedDecisions(parts.decisions, recording)
  let outcome = emptyOutcome()
  const context = roleContext({
    ...parts,
    ports: recording,
    decisions: noted.decisions,
    effects: notedEffects(() => outcome, parts.effects),
  })
  let rounds = 0

  return {
    context,
    async round(state) {
      rounds += 1
      const before = encode(state)
      for (const port of recording) port.begin()
      noted.begin()
      outcome = emptyOutcome()
      const after = await parts.role.round(state, context)

      const round = rounds
      const differs = (difference: string) =>
        roleError('ROLE_NOT_DETERMINISTIC', { round, end: parts.task.end, difference })
      // Both decoded: what encoding doesn't keep, such as the sign of zero, is no difference.
      const given = differenceOf(decode(before), decode(encode(state)), 'state given')
      if (given) throw differs(given)
      const replays = recording.map((port) => new ReplayPort(port, differs))
      const outcomeAgain = emptyOutcome()
      const again = await parts.role.round(
        state,
        roleContext({
          ...parts,
          ports: replays,
          decisions: noted.replay(),
          effects: notedEffects(() => outcomeAgain),
        }),
      )
      const difference = differenceOf(after, again, 'state') ?? differenceOf(outcome, outcomeAgain, 'what it published')
      if (difference) throw differs(difference)
      for (const replay of replays) replay.finish()
      return after
    },
  }
}

/** Notes what a round decides, so that its second run decides the same. What a decision looks at isn't looked at again. */
function notedDecisions(
  decisions: Decisions,
  ports: readonly RecordingPort[],
): { readonly decisions: Decisions; begin(): void; replay(): Decisions } {
  const recalled = new Map<string, unknown>()
  const made = new Map<string, unknown>()
  return {
    begin() {
      recalled.clear()
      made.clear()
    },
    decisions: {
      place: (name) => decisions.place(name),
      recall(place, isValue) {
        const value = decisions.recall(place, isValue)
        if (value !== undefined) recalled.set(place, value)
        return value
      },
      async make(place, make, isValue) {
        for (const port of ports) port.muted += 1
        try {
          const value = await decisions.make(place, make, isValue)
          made.set(place, value)
          return value
        } finally {
          for (const port of ports) port.muted -= 1
        }
      },
      record: (place, value) => decisions.record(place, value),
      flush: () => decisions.flush(),
    },
    replay() {
      const counts = new Map<string, number>()
      return {
        place(name) {
          const count = counts.get(name) ?? 0
          counts.set(name, count + 1)
          return `${name}#${count}`
        },
        recall(place, isValue) {
          const value = recalled.get(place)
          return isValue(value) ? value : undefined
        },
        async make(place, make, isValue) {
          const value = made.get(place)
          return isValue(value) ? value : make()
        },
        record: () => {},
        flush: async () => {},
      }
    },
  }
}
