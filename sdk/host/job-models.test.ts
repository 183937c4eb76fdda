import test from 'ava'
import { type ActorRef, actorSystem } from '../../runtime/index.ts'
import { memoryRegistry } from '../registry/memory-registry.ts'
import { layoutOf, weightsHash } from '../weights/layout.ts'
import { decodeModelsMessage, jobModels, type ModelsMessage, type ModelsReply } from './job-models.ts'
import type { RoundSummary } from './round-publisher.ts'

const layout = layoutOf([{ name: 'w', shape: [2] }])

async function stage() {
  const system = actorSystem()
  const told: RoundSummary[] = []
  const onRound = async (round: RoundSummary) => void told.push(round)
  const models = system.spawn('models', jobModels('run', { registry: memoryRegistry(), onRound }))
  const ask = (message: (replyTo: ActorRef<ModelsReply>) => ModelsMessage) =>
    system.ask<ModelsReply, ModelsMessage>(models, message, { timeoutMs: 5000 })
  const summaryOf = async (round: number, part?: string) => ({
    round,
    ...(part !== undefined && { part }),
    metrics: { accuracy: round },
    hash: await weightsHash(Float32Array.of(round, 0)),
    members: ['a'],
    seconds: 2,
  })
  return {
    system,
    told,
    async publish(round: number, part?: string) {
      const { seconds: _, ...summary } = await summaryOf(round, part)
      const model = { ...summary, weights: Float32Array.of(round, 0), layout, seed: 1, workload: 'w' }
      return ask((replyTo) => ({ type: 'publish', model, replyTo }))
    },
    async announce(round: number, part?: string) {
      const summary = await summaryOf(round, part)
      return ask((replyTo) => ({ type: 'announce', round: summary, replyTo }))
    },
    completed: () => new Promise<void>((told) => models.tell({ type: 'completed', told })),
  }
}

test('a round whose process ended before it announced the round is announced before the next, or at the end', async (t) => {
  const { system, told, publish, announce, completed } = await stage()
  await publish(1)
  await announce(1)
  await publish(2)
  // The process that repeats a round publishes its model again.
  await publish(3)
  await publish(3)
  await publish(1, 'other')
  t.deepEqual(
    told.map(({ round, part, seconds }) => [round, part, seconds]),
    [
      [1, undefined, 2],
      [2, undefined, 0],
    ],
  )
  await completed()
  await completed()
  t.deepEqual(
    told.slice(2).map(({ round, part, metrics }) => [round, part, metrics.accuracy]),
    [
      [3, undefined, 3],
      [1, 'other', 1],
    ],
  )
  await system.terminate()
})

test('the hashes of other parts come with a model of another node, and are left out if they are none', async (t) => {
  const { system } = await stage()
  const replyTo = system.spawn<ModelsReply>('reply', () => () => {})
  const weights = Float32Array.of(1, 2)
  const model = { round: 1, workload: 'w', seed: 1, weights, layout, metrics: {}, members: ['a'], hash: 'h' }
  const decoded = (digests: unknown) =>
    Object(decodeModelsMessage({ type: 'publish', replyTo, model: { ...model, digests } })).model?.digests
  t.deepEqual(decoded({ 'feature-holder-0': 'ab' }), { 'feature-holder-0': 'ab' })
  for (const none of [undefined, ['ab'], { a: 1 }, 'ab']) t.is(decoded(none), undefined)
  await system.terminate()
})

test('another node cannot say that a task has completed', (t) => {
  t.is(decodeModelsMessage({ type: 'completed', told: () => {} }), undefined)
})
