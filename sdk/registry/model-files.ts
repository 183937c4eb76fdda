import { tfjsModel } from '../weights/formats/tfjs.ts'
import { layoutOf, weightsHash } from '../weights/layout.ts'
import { damagedWeights, registryError } from './errors.ts'
import type { CommittedModel, Lineage, LoadedModel, ModelToCommit, OpenedModel } from './registry.ts'

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
  const { layout, modelTopology } = await architectureIn(new TextDecoder().decode(model), damaged)
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
export async function openedModel(
  committed: CommittedModel,
  model: Uint8Array | undefined,
  read: () => Promise<AsyncIterable<Uint8Array> | undefined>,
): Promise<OpenedModel> {
  const damaged = damageOf(committed)
  if (!model) throw damaged('model.json is missing')
  const { layout, modelTopology } = await architectureIn(new TextDecoder().decode(model), damaged)
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

async function architectureIn(json: string, damaged: (found: string, options?: ErrorOptions) => Error) {
  // A process that reads no model does without the schemas, and without their library.
  const { decodeTfjsManifest } = await import('../weights/formats/tfjs-manifest.ts')
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

/**
 * The committed model whose `round.json` these bytes are.
 *
 * @throws REGISTRY_DAMAGED with the place and the faulty field.
 */
export async function committedModel(round: Uint8Array, location: string): Promise<CommittedModel> {
  const { decodeLineage } = await import('./lineage.ts')
  return { ...decodeLineage(new TextDecoder().decode(round), location), location }
}
