import { getEventListeners } from 'node:events'
import test, { type ExecutionContext } from 'ava'
import type { HeldUpdate } from '../../learn/role-learner.ts'
import { HeldDelta, type Vector } from '../../sum/accumulator.ts'
import { accumulator } from '../../sum/wasm-accumulator.ts'
import { holdingHere } from '../held-sums.ts'
import { inlinePool } from '../inline-pool.ts'
import type { TrainingPool } from '../training-pool.ts'
import misbehaving, { clientThat } from './misbehaving.test.workload.ts'
import { workerPool } from './worker-pool.ts'

const module = new URL('./misbehaving.test.workload.js', import.meta.url)
const { settings } = misbehaving

/** A pool that is closed at the end of the test, passed or failed. */
async function start(t: ExecutionContext, workers: number, seed = 1): Promise<TrainingPool> {
  const pool = await workerPool({ module, settings, seed, workers })
  t.teardown(() => pool.close())
  return pool
}

/** A pool in this thread that holds deltas. */
const holdingPool = () => inlinePool(misbehaving, settings, 1, undefined, holdingHere)

function request(pool: TrainingPool, client: number, weights: Float32Array = new Float32Array(pool.layout.size)) {
  return { client, end: `trainer-${client}`, round: 1, weights, terms: { proximal: 0.5 } }
}

/** Trains a client whose delta stays in its thread. */
async function held(pool: TrainingPool, client: number, weights?: Float32Array): Promise<HeldUpdate> {
  if (!pool.trainHeld) throw new Error('this pool holds nothing')
  return pool.trainHeld(request(pool, client, weights))
}

/** An update in the form that a sum takes. */
function weighted({ delta, samples }: { readonly delta: Vector; readonly samples: number }) {
  return { end: 'trainer-0', delta, weight: samples }
}

/** Every result of a pool in two rounds. */
async function results(pool: TrainingPool) {
  const weights = await pool.initialWeights()
  const rounds = [1, 2].map((round) =>
    Promise.all([0, 6, 0, 6, 0].map((client) => pool.train({ ...request(pool, client, weights), round }))),
  )
  return { weights, rounds: await Promise.all(rounds), evaluation: await pool.evaluate(weights) }
}

test('results do not depend on the number of workers, nor on being in a worker', async (t) => {
  const inline = await inlinePool(misbehaving, settings, 1)
  const expected = await results(inline)
  for (const workers of [1, 3]) {
    const pool = await start(t, workers)
    t.deepEqual(await results(pool), expected)
    t.deepEqual([pool.layout, pool.clients], [inline.layout, inline.clients])
  }
  const other = await start(t, 1, 2)
  t.notDeepEqual((await results(other)).weights, expected.weights)
})

test('weights changed between rounds are seen, although the array is the same', async (t) => {
  const pool = await start(t, 1)
  const inline = await inlinePool(misbehaving, settings, 1)
  const weights = new Float32Array(3)
  for (const round of [1, 2]) {
    weights.fill(round)
    const sent = { ...request(pool, 0, weights), round }
    t.deepEqual(await pool.train(sent), await inline.train(sent))
    t.deepEqual(await pool.evaluate(weights), await inline.evaluate(weights))
    weights.fill(-round)
    t.deepEqual(await pool.evaluate(weights), await inline.evaluate(weights))
  }
})

test("arrays of a request's terms reach the worker as shared memory, with the values of their round", async (t) => {
  const pool = await start(t, 1)
  const correction = Float32Array.of(1, 2, 3)
  const gradient = new Float32Array(new SharedArrayBuffer(12)).fill(10)
  const train = (round: number) =>
    pool.train({
      ...request(pool, clientThat.usesTerms),
      round,
      terms: { correction, dynamic: { alpha: 0.5, gradient } },
    })
  t.deepEqual(await train(1), { delta: Float32Array.of(11, 12, 13), samples: 1, metrics: { shared: 1, alpha: 0.5 } })
  correction.fill(4)
  t.deepEqual((await train(2)).delta, Float32Array.of(14, 14, 14))
})

for (const client of [clientThat.exits, clientThat.throwsLater]) {
  test(`a worker that dies fails its own request, and is started again (client ${client})`, async (t) => {
    const pool = await start(t, 1)
    const failing = t.throwsAsync(pool.train(request(pool, client)), { code: 'LEARN_WORKER_DIED' })
    const queued = pool.train(request(pool, clientThat.trains))
    const error = await failing
    t.regex(error.message, client === clientThat.exits ? /client 1 in round 1 .*exit code 3/ : /from nowhere/)
    t.is((await queued).delta.length, 3)
  })
}

test('updates that are held and summed where they were trained give the same sum, in any thread or in this one, as those that travel', async (t) => {
  const clients = [0, clientThat.repeats, 0, clientThat.usesTerms, 0]
  const inline = await holdingPool()
  const expected = accumulator({ layout: inline.layout })
  for (const client of clients) expected.add(weighted(await inline.train(request(inline, client))))
  for (const workers of [0, 1, 3]) {
    const pool = workers === 0 ? inline : await start(t, workers)
    const sum = accumulator({ layout: pool.layout, name: 'sum' })
    for (let round = 0; round < 2; round++) {
      sum.reset()
      const updates = await Promise.all(clients.map((client) => held(pool, client)))
      for (const update of updates) {
        t.true(update.delta instanceof HeldDelta)
        sum.add(weighted(update))
      }
      t.throws(() => sum.mean(), { code: 'SUM_UNSETTLED' })
      await sum.settle()
      t.deepEqual(sum.partial(), expected.partial())
    }
  }
})

test('several named vectors are held, and each can be summed or taken once', async (t) => {
  await takeOnce(t, await start(t, 2))
  await takeOnce(t, await holdingPool())
})

async function takeOnce(t: ExecutionContext, pool: TrainingPool) {
  const { delta, vectors, ...update } = await held(pool, clientThat.repeats)
  const other = await held(pool, clientThat.repeats)
  if (!(delta instanceof HeldDelta && other.delta instanceof HeldDelta)) return t.fail('nothing is held')
  const control = vectors?.control
  if (!(control instanceof HeldDelta)) return t.fail('no control is held')
  t.deepEqual(await delta.take(), Float32Array.of(1, 2, 3))
  await t.throwsAsync(delta.take(), { code: 'SUM_GONE' })
  const sum = accumulator({ layout: pool.layout })
  t.throws(() => sum.add(weighted({ ...update, delta })), { code: 'SUM_GONE' })
  sum.add(weighted({ delta: control, samples: 2 }))
  await t.throwsAsync(control.take(), { code: 'SUM_GONE' })
  await sum.settle()
  t.deepEqual(sum.mean(), Float32Array.of(4, 5, 6))
  t.deepEqual(await other.delta.take(), Float32Array.of(1, 2, 3))
}

test('a vector that is taken from a thread that has ended rejects', async (t) => {
  const pool = await start(t, 1)
  const { delta } = await held(pool, 0)
  await t.throwsAsync(pool.train(request(pool, clientThat.exits)), { code: 'LEARN_WORKER_DIED' })
  if (!(delta instanceof HeldDelta)) return t.fail('nothing is held')
  await t.throwsAsync(delta.take(), { code: 'LEARN_WORKER_DIED' })
})

test('a held update that is not finite is refused as one that travels is', async (t) => {
  const pool = await start(t, 1)
  const update = await held(pool, 0, Float32Array.of(1, Number.NaN, Number.POSITIVE_INFINITY))
  const sum = accumulator({ layout: pool.layout })
  const error = t.throws(() => sum.add(weighted(update)), { code: 'SUM_VALUE' })
  t.regex(error.message, /trainer-0 has NaN at w\[1\]/)
  t.is(sum.updates, 0)
})

test('a fault in adding in this thread comes when the sum is settled, with its code', async (t) => {
  const pool = await holdingPool()
  const { delta } = await held(pool, 0)
  if (!(delta instanceof HeldDelta)) return t.fail('nothing is held')
  const sum = { name: 'another sum', number: 1 }
  // No sum whose range was checked before: the holder finds the weight off the grid.
  delta.addTo(sum, 0.5, { quantumBits: 34, weightBits: 0 })
  await t.throwsAsync(delta.holder.collect(sum), { code: 'SUM_WEIGHT' })
})

test('the part of a sum that a worker kept is lost with it, and whoever waits for it hears so', async (t) => {
  const pool = await start(t, 1)
  const sum = accumulator({ layout: pool.layout })
  sum.add(weighted(await held(pool, 0)))
  await t.throwsAsync(pool.train(request(pool, clientThat.exits)), { code: 'LEARN_WORKER_DIED' })
  await t.throwsAsync(sum.settle(), { code: 'LEARN_WORKER_DIED' })
})

test("a learner's error arrives with its code, values and cause", async (t) => {
  const pool = await start(t, 1)
  const error = await t.throwsAsync(pool.train(request(pool, clientThat.rejects)), { code: 'LEARN_DIVERGED' })
  t.is(error.message, 'training diverged: the loss of batch 2 in epoch 1 is {loss}')
  t.is(error.cause instanceof Error ? error.cause.message : '', 'why')
})

test('an aborted request rejects with the reason, and frees its worker', async (t) => {
  const pool = await start(t, 1)
  const reason = new Error('deadline')
  const first = new AbortController()
  const running = pool.train({ ...request(pool, clientThat.waits), signal: first.signal })
  const second = new AbortController()
  const queued = pool.train({ ...request(pool, clientThat.exits), signal: second.signal })
  second.abort(reason)
  t.is(await t.throwsAsync(queued), reason)
  first.abort(reason)
  t.is(await t.throwsAsync(running), reason)
  t.is((await pool.train(request(pool, clientThat.trains))).samples, 1)
  t.is(await t.throwsAsync(pool.train({ ...request(pool, 0), signal: first.signal })), reason)
})

test('an update or weights of another size than the layout are refused', async (t) => {
  const pool = await start(t, 1)
  await t.throwsAsync(pool.train(request(pool, clientThat.sendsTooLittle)), { code: 'LEARN_WEIGHTS' })
  await t.throwsAsync(pool.train(request(pool, 0, new Float32Array(2))), { code: 'LEARN_WEIGHTS' })
  await t.throwsAsync(pool.evaluate(new Float32Array(4)), { code: 'LEARN_WEIGHTS' })
  await t.throwsAsync(pool.train(request(pool, 8)), { code: 'LEARN_CLIENT' })
})

test('a workload that cannot make its data fails the start with its error', async (t) => {
  const broken = { ...settings, broken: true }
  await t.throwsAsync(workerPool({ module, settings: broken, seed: 1, workers: 2 }), { code: 'LEARN_EMPTY' })
  const none = new URL('./none.js', import.meta.url)
  await t.throwsAsync(workerPool({ module: none, settings, seed: 1, workers: 1 }), { code: 'WORKLOAD_BROKEN' })
  await t.throwsAsync(start(t, 0), { code: 'LEARN_SETTING' })
})

test('closing a pool fails what is under way and what comes later', async (t) => {
  const pool = await start(t, 1)
  const failing = [clientThat.waits, clientThat.trains].map((client) =>
    t.throwsAsync(pool.train(request(pool, client)), { code: 'LEARN_CLOSED' }),
  )
  await pool.close()
  await Promise.all(failing)
  await t.throwsAsync(pool.train(request(pool, 0)), { code: 'LEARN_CLOSED' })
})

test('a request leaves no listener on its signal behind', async (t) => {
  const pool = await start(t, 1)
  const { signal } = new AbortController()
  await pool.train({ ...request(pool, 0), signal })
  t.is(getEventListeners(signal, 'abort').length, 0)
})
