import { strToU8, zipSync } from 'fflate'
import {
  type Ask,
  asking,
  type CatalogueMessage,
  type CatalogueParts,
  catalogue,
  type DesignSchema,
} from '../../actors/index.ts'
import { actorSystem, type Store } from '../../runtime/index.ts'

/** A catalogue of its own on a store, with ids that count up and a clock that stands still. */
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

/** Trainers below one aggregator. */
export const twoTierSchema: DesignSchema = {
  name: 'two-tier',
  roles: [{ name: 'aggregator' }, { name: 'trainer', isDataConsumer: true }],
  channels: [{ name: 'param', pair: ['aggregator', 'trainer'] }],
}

/** A zip with a file for each path. */
export function zipOf(...paths: readonly string[]): Uint8Array {
  return zipSync(Object.fromEntries(paths.map((path) => [path, strToU8(`// ${path}\n`)])))
}

export const twoTierCode = zipOf('aggregator/index.js', 'trainer/index.js')
