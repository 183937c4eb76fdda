import type { PageDataset } from 'flame-fl/flamelet/browser'
import { indexedDbStore } from 'flame-fl/runtime/indexeddb'
import { side } from './design/code/trainer/made-digits.ts'

const pixels = side * side
const key = 'drawings'

/** The digits of this page, which a reload doesn't lose. */
export interface Drawings {
  readonly count: number
  add(label: number, pixels: ArrayLike<number>): Promise<void>
  dataset(): PageDataset
}

/** Each drawing is a byte for its label, and a byte for each pixel. */
export async function keptDrawings(): Promise<Drawings> {
  const store = await indexedDbStore('drawings')
  let bytes = new Uint8Array()
  for await (const chunk of (await store.getBlob(key)) ?? []) bytes = Uint8Array.from([...bytes, ...chunk])
  const count = () => bytes.length / (pixels + 1)
  return {
    get count() {
      return count()
    },
    async add(label, drawn) {
      bytes = Uint8Array.from([...bytes, label, ...Array.from(drawn)])
      await store.putBlob(key, [bytes])
    },
    dataset() {
      const starts = Array.from({ length: count() }, (_, index) => index * (pixels + 1))
      return {
        features: Uint8Array.from(starts.flatMap((start) => [...bytes.subarray(start + 1, start + 1 + pixels)])),
        labels: Uint8Array.from(starts, (start) => bytes[start] ?? 0),
        shape: [side, side, 1],
      }
    },
  }
}
