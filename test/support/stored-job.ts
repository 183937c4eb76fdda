import { strToU8, zipSync } from 'fflate'
import {
  type Ask,
  asking,
  type CatalogueMessage,
  type CatalogueParts,
  catalogue,
  type DesignSchema,
  designSchema,
  type JobSpecification,
} from '../../actors/index.ts'
import { actorSystem, type Store } from '../../runtime/index.ts'
import type { Schema } from '../../sdk/index.ts'

export interface JobToStore {
  readonly user: string
  readonly job: string
  readonly spec?: Partial<JobSpecification>
  readonly schema?: Schema
  readonly code?: Uint8Array
  /** Datasets of the trainers. */
  readonly clients?: number
}

/** Creates a ready job in a store, with a design of its own. */
export async function storeJob(
  store: Store,
  { user, job, spec = {}, schema = twoTierSchema, code = twoTierCode, clients = 2 }: JobToStore,
): Promise<void> {
  await using stage = catalogueStage(store)
  const { ask } = stage
  const design = `design-of-${job}`
  await ask((replyTo) => ({ type: 'create-design', user, info: { id: design }, replyTo }))
  await ask((replyTo) => ({ type: 'add-schema', user, design, schema: designSchema.parse(schema), replyTo }))
  const archive = { fileName: 'code.zip', bytes: code }
  await ask((replyTo) => ({ type: 'add-code', user, design, archive, replyTo }))
  const datasets: string[] = []
  for (let client = 0; client < clients; client++) {
    const info = { id: `${job}-data-${client}`, url: `file:///${client}`, dataFormat: 'csv', realm: 'default' }
    datasets.push(await ask<string>((replyTo) => ({ type: 'create-dataset', user, info, replyTo })))
  }
  const dataSpec = [{ role: 'trainer', datasetGroups: { default: datasets } }]
  const given: JobSpecification = { id: job, designId: design, backend: 'ws', dataSpec, ...spec }
  await ask((replyTo) => ({ type: 'create-job', user, spec: given, replyTo }))
}

export function zipped(files: Readonly<Record<string, string>>): Uint8Array {
  return zipSync(
    Object.fromEntries(Object.entries(files).map(([path, text]) => [path, new TextEncoder().encode(text)])),
  )
}

/** Makes a catalogue on a store, in a system of its own, with ids that count up and a clock that stands still. */
export function catalogueStage(
  store: Store,
  parts: Partial<CatalogueParts> = {},
): AsyncDisposable & { readonly ask: Ask<CatalogueMessage> } {
  const system = actorSystem({ onFault: () => {} })
  let ids = 0
  const newId = () => `id-${String(++ids).padStart(4, '0')}`
  const now = () => '2026-01-02T03:04:05.000Z'
  const behavior = catalogue({ store, now, newId, newKey: () => 'k'.repeat(32), ...parts })
  const ref = system.spawn('catalogue', behavior, { supervise: { type: 'stop' } })
  return {
    ask: asking(system, ref, { timeoutMs: 60_000 }),
    [Symbol.asyncDispose]: () => system.terminate(),
  }
}

/** A schema with trainers below one aggregator. */
export const twoTierSchema: DesignSchema = {
  name: 'two-tier',
  roles: [{ name: 'aggregator' }, { name: 'trainer', isDataConsumer: true }],
  channels: [{ name: 'param', pair: ['aggregator', 'trainer'] }],
}

/** Makes a zip with a small file at each path. */
export function zipOf(...paths: readonly string[]): Uint8Array {
  return zipSync(Object.fromEntries(paths.map((path) => [path, strToU8(`// ${path}\n`)])))
}

export const twoTierCode = zipOf('aggregator/index.js', 'trainer/index.js')

export interface SlowWorkload {
  /** Code at the top of the workload's module. */
  readonly top?: string
  /** Code that the learner runs before it trains. */
  readonly training?: string
  /** Default: 1. */
  readonly fraction?: number
}

/** The module of a workload whose training takes 2 ms, so that a test can interrupt the job. */
export function slowWorkload({ top = '', training = '', fraction = 1 }: SlowWorkload = {}): string {
  return `
import { fedAvg, inMemoryExamples, twoTier, workload } from 'flame-fl/sdk'
${top}
const size = 5
const examples = inMemoryExamples({ features: Uint8Array.of(0), labels: [0], shape: [1] })
const learner = {
  layout: { tensors: [{ name: 'w', shape: [size] }], size },
  initialWeights: async (random) => Float32Array.from({ length: size }, () => random.uniform()),
  train: async ({ random, weights }) => {
    ${training}
    await new Promise((resolve) => setTimeout(resolve, 2))
    return { delta: weights.map((weight) => random.uniform() - weight), samples: 1, metrics: { loss: 0 } }
  },
  evaluate: async (weights) => ({ samples: 1, metrics: { loss: weights[0], accuracy: 0 } }),
}
export default workload({
  name: 'slow',
  settings: { rounds: 2, clients: 2, fraction: ${fraction}, batch: 8 },
  learner: () => learner,
  data: ({ clients }) => ({ clients, client: () => examples, test: examples }),
  topology: ({ clients }) => twoTier({ clients }),
  strategy: ({ fraction }) => fedAvg({ fraction }),
})
`
}

/** Source of a workload's learner and data, on one example: each update is drawn at random. The module imports inMemoryExamples. */
export const driftingParts = `learner: () => ({
    layout: { tensors: [{ name: 'w', shape: [4] }], size: 4 },
    initialWeights: async (random) => new Float32Array(4).map(() => random.uniform()),
    train: async ({ weights, random }) => ({ delta: weights.map(() => random.uniform() - 0.5), samples: 1, metrics: {} }),
    evaluate: async ([first]) => ({ samples: 1, metrics: { first } }),
  }),
  data({ clients }) {
    const examples = inMemoryExamples({ features: Uint8Array.of(0), labels: [0], shape: [1] })
    return { clients, client: () => examples, test: examples }
  },`
