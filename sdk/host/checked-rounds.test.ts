import test from 'ava'
import { isNumber, isStrings } from '../../runtime/index.ts'
import { numbers, pairTopology, type Script } from '../../test/support/scripted-role.ts'
import { type AnyRole, type RoleContext, role } from '../role/role.ts'
import { roleStage } from '../testing/index.ts'

interface State {
  readonly round: number
  readonly value: unknown
}

type Round = (state: State, context: RoleContext<null>) => Promise<unknown>

/** A role of three rounds, each of which sets the state's value to the result of `round`. */
function rounds(value: unknown, round: Round): AnyRole {
  return role({
    name: 'left',
    open: () => null,
    init: (): State => ({ round: 0, value }),
    isState: (found): found is State => typeof found === 'object' && found !== null && 'round' in found,
    done: (state) => state.round === 3,
    round: async (state, context) => ({ round: state.round + 1, value: await round(state, context) }),
  })
}

/** Runs two roles with each round checked, and returns how they end. */
async function checked(left: AnyRole, right: Script<number> = () => {}) {
  await using stage = roleStage({
    topology: pairTopology({ right: 2 }),
    roles: { left, right: numbers('right', right) },
    checkDeterminism: true,
  })
  const report = await stage.ended('left-0')
  return { report, published: stage.published, reports: stage.reports }
}

/**
 * Makes a source of values from outside the context, which differ at each call, as a clock's do. Each role has its own: the
 * tests run at the same time.
 */
function ambient(): () => number {
  let calls = 0
  return () => ++calls
}

const [kept, changing, receiver, repeats, utility, reader] = Array.from({ length: 6 }, ambient)
const next = (source: (() => number) | undefined) => source?.() ?? 0

const cases: Readonly<Record<string, readonly [AnyRole, RegExp]>> = {
  'reads the clock': [rounds(0, async () => Date.now() + performance.now()), /state\.value was .*, then/],
  'reads ambient randomness': [rounds(0, async () => Math.random()), /state\.value was 0\.\d+, then 0\.\d+/],
  'keeps something outside of its state': [rounds(0, async () => next(kept)), /state\.value was \d+, then \d+/],
  'changes the state that it was given': [
    rounds({ list: [1] }, async ({ value }) => {
      if (typeof value === 'object' && value !== null && 'list' in value && Array.isArray(value.list))
        value.list.push(2)
      return value
    }),
    /state given\.value\.list\.1 was undefined, then 2/,
  ],
  'changes typed weights in place': [
    rounds(Float32Array.of(1, 2), async ({ value }) => {
      if (value instanceof Float32Array) value[1] = 3
      return value
    }),
    /state given\.value differs from byte/,
  ],
  'keeps another own state': [
    rounds(0, async ({ round }, { own }) => {
      await own.before(round)
      await own.keep(round, next(changing))
    }),
    /own state was \d+, then \d+/,
  ],
  'publishes something else': [
    rounds(0, async ({ round }, context) => {
      context.publish({ round, weights: Float32Array.of(Math.random()), metrics: {}, members: [] })
    }),
    /published\.records\.0\.weights/,
  ],
  'measures something else': [
    rounds(0, async (_, context) => context.metric('noise', Math.random())),
    /published\.metrics\.noise/,
  ],
}

for (const [words, [left, difference]] of Object.entries(cases)) {
  test(`a role that ${words} is caught, and the difference named`, async (t) => {
    const { report } = await checked(left)
    t.like(report, { type: 'task-failed', cause: { code: 'ROLE_NOT_DETERMINISTIC', values: { end: 'left-0' } } })
    t.regex(report.type === 'task-failed' ? String(report.cause) : '', difference)
  })
}

const scripts: Readonly<Record<string, readonly [Script<number>, RegExp]>> = {
  'sends something else': [(channel) => channel.send('right-0', Math.random()), /arguments of send on channel link/],
  'sends to another end': [
    (channel) => channel.send(`right-${next(receiver) % 2}`, 1),
    /arguments of send on channel link\.ends\.0/,
  ],
  'sends more often': [
    (channel) => {
      const times = 1 + (next(repeats) % 2)
      for (let n = 0; n < times; n++) channel.send('right-0', 1)
    },
    /on channel link the first run called/,
  ],
  'says something else of itself': [(channel) => channel.setProperty('utility', next(utility)), /setProperty/],
  'receives from another end': [
    async (channel) => {
      await channel.awaitJoin()
      if (next(reader) % 2 === 0) channel.peek('right-0')
      else channel.drain()
    },
    /the first run called (drain|peek right-0), and the second run (drain|peek right-0)/,
  ],
}

for (const [words, [script, difference]] of Object.entries(scripts)) {
  test(`a role that ${words} is caught, and the difference named`, async (t) => {
    const { report } = await checked(numbers('left', script))
    t.like(report, { type: 'task-failed', cause: { code: 'ROLE_NOT_DETERMINISTIC' } })
    t.regex(report.type === 'task-failed' ? String(report.cause) : '', difference)
  })
}

test('a role that takes everything from its context passes, and its effects happen once', async (t) => {
  const left = numbers('left', async (channel, context) => {
    await channel.awaitJoin()
    const now = await context.now()
    const chosen = await context.decide('chosen', () => [...channel.ends()], isStrings)
    channel.setProperty('utility', now)
    channel.broadcast(context.random(1, 'noise').uniform(), chosen)
    let sum = 0
    for await (const { message } of channel.gather(chosen, { quorum: 0.5 })) sum += message
    channel.broadcast(-1, chosen)
    context.log('gathered', { ends: chosen.length })
    context.notice({ code: 'SEEN', message: 'seen' })
    context.metric('half', 0.5)
    context.publish({ round: 1, weights: Float32Array.of(sum), metrics: { sum }, members: chosen })
  })
  const { report, published, reports } = await checked(left, async (channel) => {
    const received = [await channel.recv('left-0')]
    channel.send('left-0', 1)
    while (received.at(-1) !== -1) received.push(await channel.recv('left-0'))
    t.is(received.length, 2)
  })
  t.is(report.type, 'task-completed', report.type === 'task-failed' ? String(report.cause) : '')
  t.deepEqual(
    published.map(({ metrics }) => metrics),
    [{ half: 0.5, sum: 1 }],
  )
  for (const type of ['log', 'notice']) t.is(reports.filter((found) => found.type === type).length, 1)
})

test('a negative zero in a state is no change of it', async (t) => {
  const { report } = await checked(rounds(-0, async ({ value }) => value))
  t.is(report.type, 'task-completed', report.type === 'task-failed' ? String(report.cause) : '')
})

test('a decision that is recalled after a crash is the same in both runs', async (t) => {
  let failures = 0
  let draws = 0
  const left = rounds(0, async (_, context) => {
    const drawn = await context.decide('draw', () => ++draws, isNumber)
    if (failures++ === 0) throw new Error('a passing fault')
    return drawn
  })
  const { report } = await checked(left)
  t.is(report.type, 'task-completed')
  t.is(draws, 3)
})
