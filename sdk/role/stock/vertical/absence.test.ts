import test from 'ava'
import { decode, errorFactory, manualClock, memoryStore, virtualClock } from '../../../../runtime/index.ts'
import type { TaskReport } from '../../../host/index.ts'
import { verticalTraining } from '../../../strategy/algorithms/vertical/index.ts'
import { vertical } from '../../../tag/topologies.ts'
import {
  forSeeds,
  killedStore,
  lifeOf,
  type RehearsalOptions,
  type RoleStage,
  roleStage,
} from '../../../testing/index.ts'
import type { PoolPass } from '../../../training/training-pool.ts'
import { stockRoles } from '../stock-roles.ts'
import { modelsOf, partyPool, rehearseParties, seeded, three } from './party-job.contract.ts'

const mishap = errorFactory({ MISHAP: { message: '{end} is ill', hint: 'mend it' } })
const topology = vertical({ parties: 3 })
const hashed = { alignment: 'hashed', heldOut: 0.25 } as const

/** Runs a job in which an end leaves for good at a step, counted in passes. */
async function leaving(end: string, at: number, seed: number, absent: 'fail' | 'zeros' | 'last') {
  const stages: RoleStage[] = []
  let steps = 0
  const pool = await partyPool(three, () => {
    steps += 1
    if (steps === at) stages[0]?.stop(end)
  })
  const strategy = verticalTraining({ ...hashed, absent })
  await using stage = roleStage({ roles: stockRoles, topology, pool, strategy, rounds: 3, system: seeded(seed) })
  stages.push(stage)
  const ends = ['label-holder-0', 'feature-holder-0', 'feature-holder-1'].filter((each) => each !== end)
  const ended = await Promise.all(ends.map(async (each) => [each, await stage.ended(each)] as const))
  const published = stage.published.map(({ round, section, weights }) => [section, round, [...weights].join()] as const)
  return { ended: new Map(ended), published, records: stage.published }
}

const codeOf = (report: unknown) => Object(Object(report).cause).code

test('a feature holder that leaves for good fails the round at once, or its values are replaced', async (t) => {
  await forSeeds(40, async (seed) => {
    const end = `feature-holder-${seed % 2}`
    const at = 1 + ((7 * seed) % 50)
    const failed = await leaving(end, at, seed, 'fail')
    t.is(codeOf(failed.ended.get('label-holder-0')), 'ROLE_PARTY_ABSENT')
    for (const absent of ['zeros', 'last'] as const) {
      const { ended, records } = await leaving(end, at, seed, absent)
      for (const report of ended.values()) t.is(report.type, 'task-completed', String(Object(report).cause))
      const label = records.filter(({ section }) => section === 0)
      t.deepEqual([...new Set(label.map(({ round }) => round))], [1, 2, 3])
      t.deepEqual(label.at(-1)?.notCounted, [{ end, reason: 'gone' }])
      t.true((label.at(-1)?.metrics['absent-batches'] ?? 0) > 0)
    }
  })
})

test('a feature holder that fails for good fails the job with its cause, or its values are replaced', async (t) => {
  const pool = await partyPool(three, ({ end, round }) => {
    if (end === 'feature-holder-1' && round === 2) throw mishap('MISHAP', { end })
  })
  const failed = await rehearseParties(three, { pool })
  t.is(failed.state, 'failed')
  t.regex(String(failed.cause), /feature-holder-1 cannot go on: MISHAP feature-holder-1 is ill/)
  const run = await rehearseParties(three, { pool, strategy: verticalTraining({ ...hashed, absent: 'zeros' }) })
  t.is(run.state, 'completed', String(run.cause))
  t.true(run.notices.includes('MISHAP'))
  const last = run.rounds.find(({ part, round }) => part === 'label-holder-0' && round === 3)
  t.deepEqual(last?.members, ['feature-holder-0', 'label-holder-0'])
})

test('values of another number, and values and gradients that are not finite, fail the job with their sender', async (t) => {
  const honest = await partyPool(three)
  const nan = (values: Float32Array) => values.map(() => Number.NaN)
  const fewer = (values: Float32Array) => values.slice(1)
  for (const [sender, distort] of [
    ['feature-holder-1', fewer],
    ['feature-holder-1', nan],
    ['label-holder-0', nan],
  ] as const) {
    const pool = {
      ...honest,
      async pass(request: PoolPass) {
        const answer = await honest.pass?.(request)
        if (!answer) throw new Error('the pool has no passes')
        if (request.end !== sender || request.round < 2) return answer
        if ('loss' in answer) return { ...answer, inputs: distort(answer.inputs) }
        return 'values' in answer && sender !== 'label-holder-0'
          ? { ...answer, values: distort(answer.values) }
          : answer
      },
    }
    const { state, cause } = await rehearseParties(three, { pool })
    t.is(state, 'failed')
    // The label holder hears of a feature holder that refuses its gradient.
    t.regex(String(cause), new RegExp(`${sender} has sent (values|a gradient) that`))
  }
})

test('feature holders do not wait for a label holder that has left for good', async (t) => {
  await forSeeds(20, async (seed) => {
    const { ended } = await leaving('label-holder-0', 1 + 2 * seed, seed, 'fail')
    for (const report of ended.values()) t.is(codeOf(report), 'ROLE_LABEL_HOLDER_LEFT')
  })
})

/** Whether a pass is the forward pass of the late holder in the late batch. */
const isLate = ({ end, round, label, way }: PoolPass) =>
  end === 'feature-holder-1' && round === 2 && label === 1 && 'to' in way

/** Runs a job in which a feature holder is late for one batch: time passes until the label holder has gone on. */
async function late(absent: 'fail' | 'zeros' | 'last', options: Partial<RehearsalOptions> = {}, someone = true) {
  const clock = manualClock()
  const progress = { isOver: false }
  const pool = await partyPool(three, async (pass) => {
    if (pass.end === 'label-holder-0' && pass.round === 2 && pass.label === '2 own') progress.isOver = true
    if (!someone || !isLate(pass)) return
    while (!progress.isOver) {
      await new Promise((resolve) => setImmediate(resolve))
      clock.advance(100)
    }
  })
  const strategy = verticalTraining({ ...hashed, absent, deadlineMs: 1_000 })
  const onReport = ({ type }: TaskReport) => void (progress.isOver ||= type === 'task-failed')
  return rehearseParties(three, { pool, strategy, system: { clock }, onReport, ...options })
}

test('a late feature holder fails the round at the deadline of a batch, with what to do', async (t) => {
  const { state, cause } = await late('fail')
  t.is(state, 'failed')
  t.regex(String(cause), /feature-holder-1 has not answered within 1000 ms for batch 1 of round 2/)
})

test('with zeros or last, the batch goes on without a late feature holder, which takes part again', async (t) => {
  const calm = modelsOf(await rehearseParties(three))
  const models: (readonly string[])[] = []
  for (const absent of ['zeros', 'last'] as const) {
    const run = await late(absent)
    t.is(run.state, 'completed', String(run.cause))
    const label = run.rounds.find(({ part, round }) => part === 'label-holder-0' && round === 2)
    t.is(label?.metrics['absent-batches'], 1)
    t.is(label?.notCounted, undefined)
    const found = modelsOf(run)
    t.is(found.filter((model) => calm.includes(model)).length, 3, 'the first round alone has the same models')
    models.push(found)
  }
  t.notDeepEqual(models[0], models[1])
})

test('an absence is a decision: after a kill at any write, the batch goes on without the holder once it is recorded', async (t) => {
  const calm = modelsOf(await rehearseParties(three))
  const expected = modelsOf(await late('zeros'))
  const seen = { recorded: 0, not: 0 }
  for (let steps = 8; ; steps += 1) {
    const store = memoryStore()
    const life = lifeOf(steps, true)
    await late('zeros', { store: killedStore(store, life) })
    if (!life.ended) break
    let isRecorded = false
    for await (const { bytes } of store.read('job/job-1/label-holder-0'))
      isRecorded ||= Object(decode(bytes)).place === 'absence 0#0'
    // Nobody is late after the kill.
    const again = await late('zeros', { store }, false)
    t.is(again.state, 'completed', String(again.cause))
    const right = isRecorded ? expected : calm
    for (const model of modelsOf(again))
      t.true(right.includes(model), `step ${steps}: ${model}, recorded: ${isRecorded}`)
    seen[isRecorded ? 'recorded' : 'not'] += 1
  }
  t.true(seen.recorded > 3 && seen.not > 3, JSON.stringify(seen))
})

test('with a virtual clock, a deadline that nobody needs costs no time', async (t) => {
  const clock = virtualClock()
  const strategy = verticalTraining({ ...hashed, deadlineMs: 1_000_000 })
  const run = await rehearseParties(three, { strategy, system: { clock } })
  t.is(run.state, 'completed')
  t.true(clock.now() < 1_000_000, `${clock.now()}`)
})
