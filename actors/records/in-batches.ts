import { setImmediate } from 'node:timers/promises'

/** Documents that are written together: a store commits them at once, which holds up its thread for some milliseconds. */
export const batchSize = 250

/** Takes things so many at a time, one batch after the other; everybody else has a turn in between. */
export async function inBatches<Item>(
  items: AsyncIterable<Item> | Iterable<Item>,
  size: number,
  work: (batch: readonly Item[]) => Promise<unknown>,
): Promise<void> {
  let batch: Item[] = []
  for await (const item of items) {
    batch.push(item)
    if (batch.length < size) continue
    await work(batch)
    batch = []
    await setImmediate()
  }
  if (batch.length > 0) await work(batch)
}
