import type { Store } from '../../runtime/index.ts'
import { defaultCompute } from '../../sdk/index.ts'
import { collectionsOf } from '../records/collections.ts'

/** The name of this server for flamelets. */
export const server = 'control-plane'

/** Names of the flamelets that a server starts. */
export interface LocalNames {
  readonly prefix: string
  readonly names: readonly string[]
}

export const noLocals: LocalNames = { prefix: server, names: [] }

/**
 * Counts the flamelets of each compute, those that are gone among them, whose tasks wait for their return. Local ones
 * are this server's alone, present or not.
 */
export async function servedComputes(store: Store, { names }: LocalNames = noLocals): Promise<Map<string, number>> {
  const served = new Map<string, number>()
  if (names.length > 0) served.set(defaultCompute, names.length)
  for await (const { value } of collectionsOf(store).flamelets.find())
    if (!value.isLocal) served.set(value.computeId, (served.get(value.computeId) ?? 0) + 1)
  return served
}

/** Counts one flamelet more, or less, of a compute. */
export function countServed(served: Map<string, number>, computeId: string, more: 1 | -1): void {
  const count = (served.get(computeId) ?? 0) + more
  if (count > 0) served.set(computeId, count)
  else served.delete(computeId)
}

/**
 * Names of the flamelets that serve one of these computes and have not ended, sorted. The store knows also those that
 * have joined another server on it.
 */
export async function flameletsServing(store: Store, computes: readonly string[]): Promise<readonly string[]> {
  const { flamelets } = collectionsOf(store)
  const names: string[] = []
  for (const computeId of computes)
    for await (const { id, value } of flamelets.find({ where: { computeId } }))
      if (!value.isLocal && value.goneAt === undefined) names.push(id)
  return names.toSorted()
}
