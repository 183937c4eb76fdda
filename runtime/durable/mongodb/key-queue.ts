import type { Append } from './append-plan.ts'

/** Appends that are written with one request. */
const mostTogether = 500
const mostBytesTogether = 1024 * 1024

type Item = { readonly type: 'append'; readonly append: Append } | { readonly type: 'work'; run(): Promise<void> }

/** Does the work on each key in the order of the calls, one after the other; appends that wait together are one piece of work. */
export class KeyQueues {
  readonly #waiting = new Map<string, Item[]>()
  readonly #write: (key: string, appends: readonly Append[]) => Promise<void>

  /** `write` settles each of the appends, or throws. */
  constructor(write: (key: string, appends: readonly Append[]) => Promise<void>) {
    this.#write = write
  }

  append(key: string, bytes: Uint8Array, expected: number | undefined): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#add(key, { type: 'append', append: { bytes, expected, resolve, reject } })
    })
  }

  run<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#add(key, { type: 'work', run: () => work().then(resolve, reject) })
    })
  }

  #add(key: string, item: Item): void {
    const present = this.#waiting.get(key)
    if (present) return void present.push(item)
    const items = [item]
    this.#waiting.set(key, items)
    // What is called in the same turn goes along.
    queueMicrotask(() => void this.#drain(key, items))
  }

  async #drain(key: string, items: Item[]): Promise<void> {
    while (items.length > 0) {
      const appends = takeAppends(items)
      if (appends.length > 0)
        await this.#write(key, appends).catch((error) => appends.forEach(({ reject }) => reject(error)))
      const next = items[0]
      if (next?.type !== 'work') continue
      items.shift()
      await next.run()
    }
    this.#waiting.delete(key)
  }
}

function takeAppends(items: Item[]): readonly Append[] {
  const appends: Append[] = []
  let bytes = 0
  for (const item of items) {
    if (item.type !== 'append' || appends.length === mostTogether || bytes > mostBytesTogether) break
    appends.push(item.append)
    bytes += item.append.bytes.length
  }
  items.splice(0, appends.length)
  return appends
}
