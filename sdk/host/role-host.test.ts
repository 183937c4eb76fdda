import test from 'ava'
import { errorFactory, memoryStore } from '../../runtime/index.ts'
import { numbers, pairTopology } from '../../test/support/scripted-role.ts'
import { type AnyRole, type RoleContext, role } from '../role/role.ts'
import { roleStage } from '../testing/index.ts'

interface Count {
  readonly count: number
}

type Round = (count: number, context: RoleContext<null>) => unknown

/** A role that counts its rounds up to three. */
function counting(round: Round, finish?: (count: number) => void): AnyRole {
  return role({
    name: 'left',
    open: () => null,
    init: (): Count => ({ count: 0 }),
    isState: (value): value is Count => typeof value === 'object' && value !== null && 'count' in value,
    done: ({ count }) => count === 3,
    async round({ count }, context) {
      await round(count, context)
      return { count: count + 1 }
    },
    ...(finish ? { finish: ({ count }: Count) => finish(count) } : {}),
  })
}

const mishap = errorFactory({ MISHAP: { message: 'a mishap', hint: 'mend it' } })

async function host(left: AnyRole, store = memoryStore()) {
  await using stage = roleStage({
    topology: pairTopology(),
    roles: { left, right: numbers('right', () => {}) },
    store,
  })
  const report = await stage.ended('left-0')
  await stage.system.idle()
  const own = stage.reports.filter(({ end }) => end === 'left-0')
  return { report, own, published: stage.published, announced: stage.announced }
}

test('a fault runs the round again from its snapshot, not the rounds before', async (t) => {
  const begun: number[] = []
  const { report } = await host(
    counting((count) => {
      begun.push(count)
      if (begun.length === 2) throw new Error('a passing fault')
    }),
  )
  t.is(report.type, 'task-completed')
  t.deepEqual(begun, [0, 1, 1, 2])
})

test('three faults of a round stop the task for good; a round in between counts anew', async (t) => {
  const begun: number[] = []
  const twice = counting((count) => {
    begun.push(count)
    if (begun.filter((found) => found === count).length < 3) throw new Error('a passing fault')
  })
  t.is((await host(twice)).report.type, 'task-completed')
  t.is(begun.length, 9)
  let calls = 0
  const always = counting(() => {
    calls += 1
    throw new Error('a lasting fault')
  })
  t.like((await host(always)).report, { type: 'task-failed', cause: { message: 'a lasting fault' } })
  t.is(calls, 3)
})

test('a coded error is not tried again', async (t) => {
  let calls = 0
  const { report } = await host(
    counting(() => {
      calls += 1
      throw mishap('MISHAP')
    }),
  )
  t.like(report, { type: 'task-failed', cause: { code: 'MISHAP' } })
  t.is(calls, 1)
})

test('a role that was done already runs its finish again, and no round', async (t) => {
  const store = memoryStore()
  const finished: number[] = []
  await host(
    counting(
      () => {},
      (count) => finished.push(count),
    ),
    store,
  )
  const { report } = await host(
    counting(
      () => t.fail(),
      (count) => finished.push(count),
    ),
    store,
  )
  t.is(report.type, 'task-completed')
  t.deepEqual(finished, [3, 3])
})

test('metrics travel with the record of the round, sorted, and its own stay', async (t) => {
  const { published, own } = await host(
    counting((count, context) => {
      context.metric('norm', 1)
      context.metric('loss', 9)
      context.metric('norm', 2 + count)
      context.publish({
        round: count + 1,
        weights: Float32Array.of(1),
        metrics: { loss: 0.5, accuracy: 1 },
        members: [],
      })
    }),
  )
  t.deepEqual(
    published.map(({ metrics }) => JSON.stringify(metrics)),
    [2, 3, 4].map((norm) => `{"accuracy":1,"loss":0.5,"norm":${norm}}`),
  )
  t.false(own.some(({ type }) => type === 'metrics'))
})

test('metrics of a round without a record are reported to the job once it is committed', async (t) => {
  let faults = 0
  const { own } = await host(
    counting((count, context) => {
      if (count === 1) return
      context.metric('zeal', 1)
      context.metric('calm', count)
      if (faults++ === 0) throw new Error('a passing fault')
    }),
  )
  t.deepEqual(
    own.filter(({ type }) => type === 'metrics').map((report) => JSON.stringify(report)),
    [0, 2].map((calm) => `{"type":"metrics","end":"left-0","metrics":{"calm":${calm},"zeal":1}}`),
  )
})

test('a metric that is not finite is refused, with its name, its end and its round', async (t) => {
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
    const { report } = await host(
      counting((count, context) => {
        context.random(count + 1)
        context.metric('loss', count === 1 ? value : 0)
      }),
    )
    t.like(report, {
      type: 'task-failed',
      cause: { code: 'ROLE_METRIC', message: `metric loss of left-0 in round 2 is ${value}: expected a finite number` },
    })
  }
})

test('what a role logs is told to the job at once, with its end and its level', async (t) => {
  const { own } = await host(
    counting((count, context) => {
      if (count === 0) context.log('started', { epochs: 2, quick: true })
      if (count === 1) context.log('going on', { loss: Number.NaN, ratio: -1 / 0 })
    }),
  )
  t.deepEqual(
    own.filter(({ type }) => type === 'log'),
    [
      { type: 'log', end: 'left-0', entry: { level: 'info', message: 'started', fields: { epochs: 2, quick: true } } },
      {
        type: 'log',
        end: 'left-0',
        entry: { level: 'info', message: 'going on', fields: { loss: 'NaN', ratio: '-Infinity' } },
      },
    ],
  )
})

test('a random stream is of the seed, the round, the end and the labels', async (t) => {
  const drawn = new Set<number>()
  const { report } = await host(
    counting((count, context) => {
      const draw = (...labels: string[]) => context.random(count, ...labels).uniform()
      t.is(draw('a'), draw('a'))
      drawn.add(draw('a')).add(draw('b'))
    }),
  )
  t.is(report.type, 'task-completed')
  t.is(drawn.size, 6)
})
