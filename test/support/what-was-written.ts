import type { ExecutionContext } from 'ava'
import { all, blob } from '../../runtime/durable/contract/store-under-test.ts'
import type { Store } from '../../runtime/index.ts'

/** The last number whose writes `store-writer` has printed as acknowledged. */
export function acknowledged(lines: readonly string[]): number {
  return Number(lines.findLast((line) => line.startsWith('written'))?.split(' ')[1] ?? 0)
}

/** Checks that a store has all writes up to the acknowledged number, at most one more, and each write whole. */
export async function checkWhole(t: ExecutionContext, store: Store, seed: string, last: number): Promise<void> {
  const entries = await all(store.read(`journal-${seed}`))
  t.true(
    entries.length >= 2 * last && entries.length <= 2 * last + 2,
    `${entries.length} entries, ${last} acknowledged`,
  )
  for (const [index, { number, bytes }] of entries.entries()) {
    t.is(number, index + 1)
    const n = 1 + (index >> 1)
    t.true(bytes.every((byte) => byte === (n & 0xff)))
  }
  const state = await store.load(`state-${seed}`)
  const version = state?.version ?? 0
  t.true(version === last || version === last + 1)
  t.true(state === undefined || state.bytes.every((byte) => byte === (version & 0xff)))
  const pair = await store.documents.get('pairs', `${seed}-pair`)
  t.true(last === 0 || pair?.fields.n === last || pair?.fields.n === last + 1)
  const own = (collection: string, where = {}) =>
    all(store.documents.find(collection, { where })).then((found) =>
      found.filter(({ id }) => id.startsWith(`${seed}-`)),
    )
  const items = await own('items')
  t.true(items.length >= last && items.length <= last + 1)
  t.is((await own('parts')).length, 2 * items.length, 'documents inserted together are there together')
  for (const { id, fields } of items) {
    const parts = await own('parts', fields)
    t.deepEqual(
      parts.map((part) => part.id),
      [`${id}-a`, `${id}-b`],
    )
  }
  const content = await blob(store, `blob-${seed}`)
  const number = content?.[0] ?? 0
  t.true(last === 0 || number === (last & 0xff) || number === ((last + 1) & 0xff))
  t.true(content === undefined || content.every((byte) => byte === number))
}
