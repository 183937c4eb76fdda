import test from 'ava'
import { seededScheduler } from '../runtime/index.ts'
import { decodeFrame } from '../runtime/link/frame.ts'
import { valuesOf } from '../runtime/link/message-codec.ts'
import { ReturnedRef } from '../runtime/link/remote-ref.ts'
import { fieldCounts } from '../runtime/link/session-parts.ts'
import {
  choicesOf,
  chosenAlgorithm,
  fedAvg,
  fedBuff,
  fedPer,
  hierarchical,
  krum,
  layoutOf,
  type TrainingPool,
  twoTier,
} from '../sdk/index.ts'
import { forSeeds, rehearse, tinyPool } from '../sdk/testing/index.ts'
import type { Fate } from './support/faulty-routes.ts'
import { runSpread, type SpreadJob } from './support/spread-job.ts'

const clients = 4
const rounds = 3
/** Weights of 48 KB: they travel in the bulk lane, in several frames, and each in its turn into the only slot. */
const pool = tinyPool({ clients, size: 12_000 })
const frames = {
  frameBytes: { control: 2048, bulk: 16_384 },
  window: { control: 8192, bulk: 65_536 },
  slots: 1,
  slotFromBytes: 40_000,
  slotPatienceMs: 2,
}
const strategy = fedAvg({ fraction: 0.6 })
const shapes = {
  'two-tier': { topology: twoTier({ clients }), isOnDevice: (end: string) => end !== 'top-aggregator-0' },
  // Each node has a middle aggregator, and a trainer of each group.
  hierarchical: {
    topology: hierarchical({ clients, groups: 2 }),
    isOnDevice: (end: string) => ['middle-aggregator-1', 'trainer-0', 'trainer-3'].includes(end),
  },
  // The models come from the device, and the server publishes them.
  'led by the device': {
    topology: twoTier({ clients }),
    isOnDevice: (end: string) => ['top-aggregator-0', 'trainer-0'].includes(end),
  },
} as const
type Shape = keyof typeof shapes
const all: readonly Shape[] = ['two-tier', 'hierarchical', 'led by the device']

const spread = (shape: Shape, options: Partial<SpreadJob> = {}) =>
  runSpread({ ...shapes[shape], strategy, pool, rounds, link: frames, ...options })

async function hashesInOne(shape: Shape, trained: TrainingPool = pool): Promise<readonly string[]> {
  const { topology } = shapes[shape]
  const run = await rehearse({ topology, strategy, pool: trained, rounds })
  return run.rounds.map(({ hash }) => hash)
}

for (const shape of all)
  test(`the tasks of a ${shape} job on two nodes give the hashes of one system, and every message is of its protocol`, async (t) => {
    const run = await spread(shape)
    t.deepEqual(run.hashes, await hashesInOne(shape))
    t.deepEqual(run.refused, [])
  })

for (const [name, algorithm] of [
  ['krum', krum({ f: 0, fraction: 1 })],
  ['fedbuff', fedBuff({ bufferSize: 2, concurrency: 2 })],
] as const)
  test(`the aggregation of ${name}, with vectors that are kept or lent, gives the hashes of one system`, async (t) => {
    const { topology } = shapes['two-tier']
    const run = await spread('two-tier', { strategy: algorithm })
    const inOne = await rehearse({ topology, strategy: algorithm, pool, rounds })
    // The order of arrivals decides the rounds of fedbuff.
    if (name === 'krum')
      t.deepEqual(
        run.hashes,
        inOne.rounds.map(({ hash }) => hash),
      )
    t.is(run.hashes.length, rounds)
    t.deepEqual(run.refused, [])
  })

/** Runs a two-tier job on two nodes, and counts the bytes of the frames that each sends. */
async function measured(options: Partial<SpreadJob>) {
  const bytes = { up: 0, down: 0 }
  const run = await spread('two-tier', {
    ...options,
    fate(frame, direction) {
      bytes[direction === 0 ? 'up' : 'down'] += frame.length
      return 'deliver'
    },
  })
  return { ...run, bytes }
}

test('compressed updates travel in fewer bytes, and give the hashes of one system', async (t) => {
  const plain = await measured({})
  for (const [stages, share] of [
    ['top-k:0.01', 0.05],
    ['random-k:0.1:errorFeedback=on', 0.3],
    ['qsgd', 0.25],
    ['scaled-sign', 0.08],
    ['uniform:4', 0.25],
    ['top-k:0.1,qsgd:3', 0.1],
    ['qsgd:7,clip:1000', 0.25],
  ] as const) {
    const compressed = chosenAlgorithm(strategy, choicesOf({ stages }))
    const run = await measured({ strategy: compressed })
    const { rounds: inOne } = await rehearse({ topology: twoTier({ clients }), strategy: compressed, pool, rounds })
    t.deepEqual(
      run.hashes,
      inOne.map(({ hash }) => hash),
      stages,
    )
    t.deepEqual(run.refused, [])
    t.true(run.bytes.up < share * plain.bytes.up, `${stages}: ${run.bytes.up} of ${plain.bytes.up} bytes`)
    for (const { metrics } of inOne) t.true((metrics['train-update-bytes'] ?? 0) < share * 4 * 12_000, stages)
  }
})

test('a model whose last layer is personal travels without it, both ways, and gives the hashes of one system', async (t) => {
  const tensors = [
    { name: 'base/kernel', shape: [3_000] },
    { name: 'head/kernel', shape: [9_000] },
  ]
  const layered: TrainingPool = {
    ...pool,
    layout: layoutOf(tensors),
    abilities: ['start'],
    async train({ weights, start = weights, base = weights, client }) {
      const delta = start.map((value, i) => value + (client - value) / 10 - (base[i] ?? 0))
      return { delta, samples: 1 + client, metrics: {} }
    },
  }
  const personal = fedPer({ fraction: 0.6 })
  const plain = await measured({})
  const run = await measured({ strategy: personal, pool: layered })
  const { rounds: inOne } = await rehearse({
    topology: twoTier({ clients }),
    strategy: personal,
    pool: layered,
    rounds,
  })
  t.deepEqual(
    run.hashes,
    inOne.map(({ hash }) => hash),
  )
  t.true(run.bytes.up < 0.3 * plain.bytes.up, `${run.bytes.up} of ${plain.bytes.up} bytes`)
  t.true(run.bytes.down < 0.3 * plain.bytes.down, `${run.bytes.down} of ${plain.bytes.down} bytes`)
})

/** Names the kind of a frame, and the types of its messages. */
function kindsOf(bytes: Uint8Array, direction: 0 | 1): readonly string[] {
  const frame = decodeFrame(Uint8Array.from(bytes), 'any')
  const prefix = `${direction === 0 ? 'device' : 'server'} ${frame.lane} ${frame.kind}`
  if (frame.kind !== 'data' || frame.isPart) return [frame.isPart ? `${prefix} part` : prefix]
  const address = { node: 'any', nodeIncarnation: 1, actor: '/any', actorIncarnation: 1 }
  const fields = valuesOf(frame.body, () => new ReturnedRef(undefined, address, () => {}))
  const kinds: string[] = []
  for (let at = 0; at < fields.length; at += fieldCounts[Number(fields[at])] ?? fields.length) {
    const { type = '', message: carried } = Object(fields[at + 2])
    kinds.push(`${prefix} ${String(fields[at])} ${type} ${Object(carried).type ?? ''}`.trim())
  }
  return kinds
}

/** Messages that each job has, as their kinds are named. */
const known = {
  'two-tier': [
    'hello',
    'welcome',
    'acknowledge',
    '0 join',
    '0 welcome',
    '0 task-running',
    'deliver train',
    'contribution',
  ],
  hierarchical: ['0 joined', 'set-property', 'deliver partial', '0 task-completed'],
  'led by the device': [
    'device control data 0 publish',
    'device control data 0 announce',
    'server control data 0 done',
  ],
}

for (const [shape, size] of [
  ['two-tier', 7],
  ['two-tier', 12_000],
  ['hierarchical', 7],
  ['led by the device', 7],
] as const)
  test(`the route of a ${shape} job with ${size} weights is lost before or after each kind of frame and message, and the hashes stay`, async (t) => {
    const trained = tinyPool({ clients, size })
    const expected = await hashesInOne(shape, trained)
    const kinds = new Set<string>()
    await spread(shape, {
      pool: trained,
      fate(frame, direction) {
        for (const kind of kindsOf(frame, direction)) kinds.add(kind)
        return 'deliver'
      },
    })
    const found = [...kinds].join('\n')
    for (const needed of size === 7 ? known[shape] : ['server bulk data part', 'device bulk data part'])
      t.true(found.includes(needed), `${needed} is missing in\n${found}`)
    for (const kind of kinds)
      for (const fate of ['lose', 'cut'] satisfies Fate[]) {
        let isDone = false
        const run = await spread(shape, {
          pool: trained,
          fate(frame, direction) {
            if (isDone || !kindsOf(frame, direction).includes(kind)) return 'deliver'
            isDone = true
            return fate
          },
        })
        t.deepEqual(run.hashes, expected, `${fate} at ${kind}`)
        t.true(!isDone || (run.cuts >= 1 && run.refused.length === 0), `${fate} at ${kind}`)
      }
  })

test('30 seeds: under losses of routes, and kills of a node that begins another life with its store, the hashes stay', async (t) => {
  const hashes = await Promise.all(all.map((shape) => hashesInOne(shape)))
  let cuts = 0
  let kills = 0
  await forSeeds(30, async (seed) => {
    const scheduler = seededScheduler(seed)
    const shape = all[seed % all.length] ?? 'two-tier'
    const expected = hashes[seed % all.length]
    const deaths = [20 + scheduler.pick(60), 90 + scheduler.pick(60)]
    const run = await spread(shape, {
      scheduler,
      fate: () => (scheduler.pick(30) === 0 ? (['cut', 'lose'] as const)[scheduler.pick(2)] : undefined) ?? 'deliver',
      kill(arrived) {
        if (deaths[0] === undefined || arrived < deaths[0]) return undefined
        deaths.shift()
        return scheduler.pick(2) === 0 ? 'device' : 'server'
      },
    })
    cuts += run.cuts
    kills += run.kills
    if (run.hashes.join() !== expected?.join()) throw new Error(`hashes ${run.hashes}, expected ${expected}`)
    if (run.refused.length > 0) throw new Error(`refused: ${run.refused[0]?.reason} ${run.refused[0]?.path}`)
  })
  t.true((cuts > 50 && kills > 30) || process.env.SEED !== undefined, `${cuts} cuts, ${kills} kills`)
})
