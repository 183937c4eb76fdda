import { z } from 'zod'
import { decodeTfjsManifest, tfjsModel } from '../weights/formats/tfjs.ts'
import { layoutOf, weightsHash } from '../weights/layout.ts'
import { damagedWeights, registryError } from './errors.ts'
import type { CommittedModel, CountedWork, Lineage, LoadedModel, ModelToCommit, OpenedModel } from './registry.ts'

/** Names of a round's files, wherever a registry keeps files. */
export const modelFileNames = { weights: 'weights.bin', model: 'model.json', round: 'round.json' } as const

/** One file of a round. */
export interface ModelFile {
  readonly name: string
  readonly bytes: Uint8Array
}

/**
 * The files of a round: `weights.bin` and `model.json`, which TensorFlow.js loads, and `round.json` with the lineage. A
 * registry that can't write all at once writes `round.json` last, and takes a round without `round.json` for none.
 */
export function modelFiles({ weights, ...described }: ModelToCommit): readonly ModelFile[] {
  const { buffer, byteOffset, byteLength } = weights
  return [
    { name: modelFileNames.weights, bytes: new Uint8Array(buffer, byteOffset, byteLength) },
    ...describingFiles(described),
  ]
}

/** The files of a round but for its weights. */
export function describingFiles({
  layout,
  modelTopology,
  ...lineage
}: Omit<ModelToCommit, 'weights'>): readonly ModelFile[] {
  const text = (content: string) => new TextEncoder().encode(`${content}\n`)
  return [
    { name: modelFileNames.model, bytes: text(JSON.stringify(tfjsModel(layout, modelTopology), null, 1)) },
    { name: modelFileNames.round, bytes: text(encodeLineage(lineage)) },
  ]
}

/** Contents of a round's files, as they were read. Absent: the file is missing. */
export interface ReadModelFiles {
  readonly weights: Uint8Array | undefined
  readonly model: Uint8Array | undefined
  /** SHA-256 of the weights' bytes, if it was made while they were read. */
  readonly sha256?: string | undefined
}

/**
 * Reads a round from its files.
 *
 * @throws REGISTRY_DAMAGED where a file is missing, can't be read, or doesn't match the lineage's hash.
 */
export async function loadedModel(committed: CommittedModel, files: ReadModelFiles): Promise<LoadedModel> {
  const damaged = damageOf(committed)
  const { weights: bytes, model, sha256 } = files
  if (!bytes) throw damaged('weights.bin is missing')
  if (bytes.length % 4 !== 0) throw damaged(`weights.bin has ${bytes.length} bytes, which is no multiple of 4`)
  const weights = floatsOf(bytes)
  const hash = sha256 ?? (await weightsHash(weights))
  if (hash !== committed.hash) throw damagedWeights(committed, hash)
  if (!model) throw damaged('model.json is missing')
  const { layout, modelTopology } = architectureIn(new TextDecoder().decode(model), damaged)
  if (layout.size !== weights.length)
    throw damaged(`model.json describes ${layout.size} weights, and weights.bin has ${weights.length}`)
  return { ...committed, weights, layout, ...(modelTopology !== undefined && { modelTopology }) }
}

/**
 * Reads a round whose files are read one by one: another process may replace or remove the round meanwhile. Files that
 * don't match are read again, if the lineage has changed.
 *
 * @param describe The lineage as it is now.
 * @throws REGISTRY_DAMAGED, and the errors of `read` and `describe`, such as REGISTRY_UNKNOWN.
 */
export async function settledModel(
  read: () => Promise<{ readonly committed: CommittedModel; readonly files: ReadModelFiles }>,
  describe: () => Promise<CommittedModel>,
): Promise<LoadedModel> {
  for (;;) {
    const { committed, files } = await read()
    try {
      return await loadedModel(committed, files)
    } catch (error) {
      if ((await describe()).hash === committed.hash) throw error
    }
  }
}

/**
 * Opens a round whose weights are read later.
 *
 * @param model Contents of `model.json`, if it's there.
 * @param read Begins to read `weights.bin`. Gives undefined if the file is missing.
 * @throws REGISTRY_DAMAGED for a `model.json` that is missing, or can't be read.
 */
export function openedModel(
  committed: CommittedModel,
  model: Uint8Array | undefined,
  read: () => Promise<AsyncIterable<Uint8Array> | undefined>,
): OpenedModel {
  const damaged = damageOf(committed)
  if (!model) throw damaged('model.json is missing')
  const { layout, modelTopology } = architectureIn(new TextDecoder().decode(model), damaged)
  async function* weightsBytes(): AsyncGenerator<Uint8Array> {
    const pieces = await read()
    if (!pieces) throw damaged('weights.bin is missing')
    let left = 4 * layout.size
    for await (const piece of pieces) {
      left -= piece.length
      if (left < 0) break
      yield piece
    }
    if (left !== 0)
      throw damaged(`model.json describes ${layout.size} weights, and weights.bin has ${left < 0 ? 'more' : 'fewer'}`)
  }
  return { ...committed, layout, ...(modelTopology !== undefined && { modelTopology }), weightsBytes }
}

/** The values of bytes, without a copy where they have a buffer of their own. */
function floatsOf(bytes: Uint8Array): Float32Array {
  return new Float32Array(bytes.byteLength === bytes.buffer.byteLength ? bytes.buffer : Uint8Array.from(bytes).buffer)
}

function damageOf({ location }: CommittedModel) {
  return (found: string, options?: ErrorOptions) => registryError('REGISTRY_DAMAGED', { location, found }, options)
}

function architectureIn(json: string, damaged: (found: string, options?: ErrorOptions) => Error) {
  try {
    const tensors = decodeTfjsManifest(json, modelFileNames.model).flatMap(({ weights }) => weights)
    const { modelTopology }: { readonly modelTopology?: unknown } = JSON.parse(json)
    return { layout: layoutOf(tensors.map(({ name, shape }) => ({ name, shape }))), modelTopology }
  } catch (cause) {
    throw damaged(cause instanceof Error ? cause.message : String(cause), { cause })
  }
}

/**
 * The lineage as indented JSON, but with each long list on one line at the end: there may be thousands of members.
 * Metrics that aren't finite are strings.
 */
export function encodeLineage({ members, arrivals, metrics, hash, ...lineage }: Lineage): string {
  const { job, workload, seed, round, part, createdAt, design, algorithm, arithmetic, privacy, digests } = lineage
  const plain = Object.fromEntries(
    Object.entries(metrics).map(([name, value]) => [name, Number.isFinite(value) ? value : String(value)]),
  )
  const lists = Object.entries({ members, ...(arrivals && { arrivals }) })
  const lines = lists.map(([name, list]) => `  ${JSON.stringify(name)}: ${JSON.stringify(list)}`)
  const model = { job, workload, seed, round, part, createdAt }
  const origin = { ...model, metrics: plain, design, algorithm, arithmetic, privacy, digests, hash }
  return `${JSON.stringify(origin, null, 2).slice(0, -2)},\n${lines.join(',\n')}\n}`
}

const value = z.union([z.string(), z.number(), z.boolean()])
const countedWork: z.ZodType<CountedWork> = z.object({
  end: z.string(),
  dispatch: z.number(),
  version: z.number(),
  buffer: z.array(z.lazy(() => countedWork)).exactOptional(),
})
const metric = z.union([
  z.number(),
  // JSON has no numbers that aren't finite. Older versions wrote null for them, which says too little.
  z.enum(['NaN', 'Infinity', '-Infinity']).transform(Number),
  z.null(),
])
const lineageSchema = z.object({
  job: z.string(),
  workload: z.string(),
  seed: z.number(),
  round: z.number(),
  part: z.string().exactOptional(),
  createdAt: z.string().exactOptional(),
  metrics: z.record(z.string(), metric),
  members: z.array(z.string()),
  arrivals: z.array(countedWork).exactOptional(),
  design: z.string().exactOptional(),
  algorithm: z.object({ name: z.string(), settings: z.record(z.string(), value) }).exactOptional(),
  arithmetic: z
    .object({
      quantumBits: z.record(z.string(), z.number()),
      engine: z.string().exactOptional(),
      products: z.enum(['plain', 'fused']).exactOptional(),
    })
    .exactOptional(),
  privacy: z.object({ epsilon: z.number(), delta: z.number() }).exactOptional(),
  digests: z.record(z.string(), z.string()).exactOptional(),
  hash: z.string(),
})

/**
 * Reads a `round.json`. A metric of null is left out.
 *
 * @throws REGISTRY_DAMAGED with the place and the faulty field.
 */
export function decodeLineage(text: string, location: string): Lineage {
  const damaged = (found: string, cause: unknown) =>
    registryError('REGISTRY_DAMAGED', { location, found: `round.json ${found}` }, { cause })
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (cause) {
    throw damaged('is no JSON', cause)
  }
  const { data, error } = lineageSchema.safeParse(parsed)
  if (!data) {
    const fields = error.issues.map(({ path, message }) => `${path.join('.') || 'all'} (${message})`)
    throw damaged(`lacks a field: ${fields.join(', ')}`, error)
  }
  const metrics = Object.entries(data.metrics).flatMap(([name, value]) =>
    value === null ? [] : [[name, value] as const],
  )
  return { ...data, metrics: Object.fromEntries(metrics) }
}
