import test from 'ava'
import fc from 'fast-check'
import { actorSystem } from '../../runtime/index.ts'
import { expand } from '../tag/expand.ts'
import { gossip, hierarchical } from '../tag/topologies.ts'
import { decodeModelsMessage, decodeModelsReply } from './job-models.ts'
import { decodeSiteMessage, decodeSiteReply } from './site-protocol.ts'

const system = actorSystem()
const ref = system.spawn<unknown>('any', () => () => {}, { decode: (value) => value })
const topology = hierarchical({ clients: 4, groups: 2 })
const tasks = expand(topology, { jobId: 'job-1', newKey: () => 'secret' })
const job = {
  id: 'job-1',
  run: 'job-1~1',
  start: 3,
  schema: topology.schema,
  tasks,
  hyperparameters: { rounds: 3, rate: 0.5 },
  algorithms: { optimizer: { sort: 'fedadam', kwargs: { eta: 1 } } },
  clients: { 'trainer-0': 0 },
  codeHash: 'a'.repeat(64),
}
const host = { type: 'host', job, ends: ['trainer-0'], rendezvous: ref, reports: ref, models: ref, replyTo: ref }
const model = {
  round: 1,
  workload: 'job',
  seed: 1,
  weights: new Float32Array(3),
  layout: { tensors: [{ name: 'w', shape: [3] }], size: 3 },
  metrics: { loss: 1 },
  members: ['trainer-0'],
  hash: 'b'.repeat(64),
  algorithm: { name: 'fedadam', settings: { eta: 1, rounds: 3 } },
  arithmetic: { quantumBits: { delta: 34 }, engine: 'engine' },
  privacy: { epsilon: 1, delta: 1e-5 },
}
const round = { round: 1, metrics: {}, hash: 'b', members: [], seconds: 0.1 }
const kept = { end: 'trainer-0', snapshot: Uint8Array.of(1, 2), journal: [Uint8Array.of(3)] }
const valid: readonly (readonly [(value: unknown) => unknown, Readonly<Record<string, unknown>>])[] = [
  [decodeSiteMessage, host],
  [decodeSiteMessage, { type: 'release', run: 'job-1~1', ends: ['trainer-0'], forget: true, replyTo: ref }],
  [decodeSiteReply, { type: 'hosting', run: 'r', start: 1, ends: [], unknownSettings: [] }],
  [decodeSiteReply, { type: 'released', run: 'r' }],
  [decodeSiteReply, { type: 'kept', run: 'r', kept, taken: ref }],
  [decodeSiteMessage, { ...host, state: kept }],
  [decodeModelsMessage, { type: 'publish', model, replyTo: ref }],
  [decodeModelsMessage, { type: 'announce', round, replyTo: ref }],
  [decodeModelsReply, { type: 'failed', cause: new Error('full') }],
]

test.after(() => system.terminate())

test('a site is told the graph of ends that gossip', (t) => {
  const { schema } = gossip({ clients: 4, graph: 'torus' })
  const decoded = decodeSiteMessage({ ...host, job: { ...job, schema } })
  t.is(decoded?.type === 'host' && decoded.job.schema.channels[0]?.graph, 'torus')
})

test('a site decodes what a deployment tells it, without the secrets of tasks', (t) => {
  const decoded = decodeSiteMessage({ ...host, more: 1 })
  if (decoded?.type !== 'host') return t.fail('no message')
  t.deepEqual(decoded.job.algorithms, job.algorithms)
  t.deepEqual(decoded.job.hyperparameters, job.hyperparameters)
  t.deepEqual(
    decoded.job.schema.channels.map(({ name }) => name),
    topology.schema.channels.map(({ name }) => name),
  )
  t.deepEqual(
    decoded.job.tasks.map(({ end }) => end),
    tasks.map(({ end }) => end),
  )
  t.false(JSON.stringify(decoded.job).includes('secret'))
  t.false('more' in decoded)
})

test('a model that a site publishes keeps its lineage, without values that no lineage has', (t) => {
  const decoded = decodeModelsMessage({ type: 'publish', model, replyTo: ref })
  t.deepEqual(decoded?.type === 'publish' && decoded.model, model)
  const strange = { ...model, algorithm: { name: 'fedadam', settings: { eta: [1], mu: 2 } }, privacy: { epsilon: 1 } }
  const other = decodeModelsMessage({ type: 'publish', model: strange, replyTo: ref })
  const { privacy: _, ...rest } = model
  t.deepEqual(other?.type === 'publish' && other.model, {
    ...rest,
    algorithm: { name: 'fedadam', settings: { mu: 2 } },
  })
})

test('a message with any of its fields replaced by another value is decoded, or refused, but never throws', (t) => {
  for (const [decode, message] of valid) {
    t.truthy(decode(message))
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.keys(message)),
        fc.anything({ withBigInt: true, withTypedArray: true }),
        (field, value) => {
          decode({ ...message, [field]: value })
          decode(value)
        },
      ),
      { numRuns: 300 },
    )
  }
})

test('a job is refused whose tasks, schema or refs are of another shape', (t) => {
  const refusedJobs = [
    { ...job, tasks: [{ end: 1 }] },
    { ...job, start: -1 },
    { ...job, schema: { ...job.schema, roles: [{}] } },
    { ...job, schema: { ...job.schema, channels: [{ name: 'c', pair: 'ab' }] } },
    { ...job, algorithms: { optimizer: { kwargs: {} } } },
    { ...job, clients: { 'trainer-0': 'zero' } },
  ]
  for (const wrong of refusedJobs) t.is(decodeSiteMessage({ ...host, job: wrong }), undefined)
  for (const field of ['rendezvous', 'reports', 'models', 'replyTo', 'ends'])
    t.is(decodeSiteMessage({ ...host, [field]: 'x' }), undefined)
})
