import { decode, encode } from '../../runtime/index.ts'
import { type RandomStream, streamFrom } from '../random/random-stream.ts'
import { type Decisions, placeOf } from '../role/decisions.ts'
import { roleError } from '../role/errors.ts'
import type { OwnState, RoundRecord } from '../role/role.ts'
import type { Algorithm } from '../strategy/algorithm.ts'
import { differenceOf } from '../workload/difference.ts'
import { RecordingPort, ReplayPort } from './recorded-channel.ts'
import { type Effects, type RoundParts, type Rounds, roleContext } from './role-context.ts'

/**
 * Runs each round twice, and compares states, messages and published records. The second run gets the messages and the
 * decisions of the first.
 * A selection is a decision, and isn't repeated with the round: so each call of the strategy's selector runs twice.
 *
 * @throws ROLE_NOT_DETERMINISTIC for a role, learner or strategy that reads time or randomness from elsewhere than its
 *   context.
 */
export function checkedRounds<State, Channels>(given: RoundParts<State, Channels>): Rounds<State, Channels> {
  let rounds = 0
  const differs = (difference: string) =>
    roleError('ROLE_NOT_DETERMINISTIC', { round: rounds, end: given.task.end, difference })
  const { role, task, actor, ports, decisions, secret, effects } = given
  const job = { ...given.job, strategy: selectingTwice(given.job.strategy, differs) }
  const parts = { role, task, job, actor, ports, decisions, own: given.own, secret, effects }
  const recording = parts.ports.map((port) => new RecordingPort(port))
  const noted = notedDecisions(parts.decisions, recording)
  const own = notedOwnState(parts.own)
  let published = nothingPublished()
  const context = roleContext({
    ...parts,
    ports: recording,
    decisions: noted.decisions,
    own: own.noting,
    effects: notedEffects(() => published, parts.effects),
  })

  return {
    context,
    async round(state) {
      rounds += 1
      const before = encode(state)
      for (const port of recording) port.begin()
      noted.begin()
      own.begin()
      published = nothingPublished()
      const after = await parts.role.round(state, context)

      // Both states are decoded, so that details that encoding drops, such as the sign of zero, make no difference.
      const given = differenceOf(decode(before), decode(encode(state)), 'state given')
      if (given) throw differs(given)
      const replays = recording.map((port) => new ReplayPort(port, differs))
      const publishedAgain = nothingPublished()
      const again = await parts.role.round(
        state,
        roleContext({
          ...parts,
          ports: replays,
          decisions: noted.replay(),
          own: own.replay(differs),
          effects: notedEffects(() => publishedAgain),
        }),
      )
      const difference = differenceOf(after, again, 'state') ?? differenceOf(published, publishedAgain, 'published')
      if (difference) throw differs(difference)
      for (const replay of replays) replay.finish()
      return after
    },
  }
}

/** The algorithm, with a selector that runs twice on the same draws and throws if its choices differ. */
function selectingTwice(strategy: Algorithm, differs: (difference: string) => Error): Algorithm {
  const { select } = strategy
  const { one } = select
  const twice = <Chosen>(random: RandomStream, choose: (random: RandomStream) => Chosen): Chosen => {
    const drawn: number[] = []
    const noting = () => {
      const value = random.uint32()
      drawn.push(value)
      return value
    }
    let next = 0
    const repeating = () => drawn[next++] ?? random.uint32()
    const first = choose(streamFrom(noting))
    const again = choose(streamFrom(repeating))
    const difference = differenceOf(first, again, `choice of the selector of ${strategy.name}`)
    if (difference) throw differs(difference)
    return first
  }
  return {
    ...strategy,
    select: {
      ...select,
      select: (population, random, memory, told) =>
        twice(random, (stream) => select.select(population, stream, memory, told)),
      ...(one && { one: (population, random) => twice(random, (stream) => one(population, stream)) }),
    },
  }
}

/**
 * Notes the own state that a round starts from and keeps. The second run starts from the same own state; what it keeps
 * is compared.
 */
function notedOwnState(own: OwnState): {
  readonly noting: OwnState
  begin(): void
  replay(differs: (difference: string) => Error): OwnState
} {
  let started: unknown[] = []
  let kept: unknown[] = []
  return {
    begin() {
      started = []
      kept = []
    },
    noting: {
      async before(round, counted) {
        const state = await own.before(round, counted)
        started.push(structuredClone(state))
        return state
      },
      async keep(round, after) {
        kept.push(structuredClone(after))
        await own.keep(round, after)
      },
      get isAnew() {
        return own.isAnew
      },
    },
    replay(differs) {
      let [starts, keeps] = [0, 0]
      return {
        before: async () => structuredClone(started[starts++]),
        async keep(_, after) {
          const difference = differenceOf(kept[keeps++], after, 'own state')
          if (difference) throw differs(difference)
        },
        get isAnew() {
          return own.isAnew
        },
      }
    },
  }
}

/**
 * Notes the decisions of a round, so that the second run decides the same. While a decision is made, the ports record
 * nothing: the second run doesn't make the decision, and so reads nothing for it.
 */
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
      life: () => decisions.life(),
      flush: () => decisions.flush(),
    },
    replay() {
      const counts = new Map<string, number>()
      return {
        place(name) {
          const count = counts.get(name) ?? 0
          counts.set(name, count + 1)
          return placeOf(name, count)
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
        life: () => decisions.life(),
        flush: async () => {},
      }
    },
  }
}

/** The records and metrics that a round publishes, to be compared between two runs of the round. */
interface Published {
  readonly records: RoundRecord[]
  readonly metrics: Record<string, number>
}

function nothingPublished(): Published {
  return { records: [], metrics: {} }
}

/** Effects that note each record and metric that a round publishes, and pass every effect on to `passOn`, if given. */
function notedEffects(published: () => Published, passOn?: Effects): Effects {
  return {
    stage(record) {
      published().records.push(record)
      passOn?.stage(record)
    },
    metric(name, value) {
      published().metrics[name] = value
      passOn?.metric(name, value)
    },
    notice: (notice) => passOn?.notice(notice),
    log: (entry) => passOn?.log(entry),
  }
}
