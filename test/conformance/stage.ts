import type { ExecutionContext } from 'ava'
import { operations, type StoreSetting, startServer } from '../../api/index.ts'
import { type GoClient, goClient } from './go-client.ts'

/** A server on an empty store. */
export interface Stage extends AsyncDisposable {
  readonly call: GoClient
  readonly url: string
}

export interface EmptyStore extends AsyncDisposable {
  readonly setting: StoreSetting
}
/** Declares a test of the suite. */
export type DeclareTest = (title: string, run: (t: ExecutionContext) => Promise<void>) => void
export type OpenStage = () => Promise<Stage>

/** The statuses that each operation has answered with, over all tests of a suite. */
export class Coverage {
  readonly #statuses = new Map<string, Set<number>>()

  note(method: string, path: string, status: number): void {
    const plain = path.replace(/\?.*/, '').replace(/\/$/, '')
    for (const { id, method: own, path: template } of operations) {
      const pattern = new RegExp(`^${template.replaceAll(/\{\w+\}/g, '[^/]+')}$`)
      if (own !== method.toLowerCase() || !pattern.test(plain)) continue
      this.#statuses.set(id, (this.#statuses.get(id) ?? new Set<number>()).add(status))
    }
  }

  /** Operations of the interface that have answered with none of these statuses. */
  without(from: number, to: number): string[] {
    return operations
      .filter(({ isAddition }) => !isAddition)
      .filter(({ id }) => ![...(this.#statuses.get(id) ?? [])].some((status) => status >= from && status <= to))
      .map(({ id }) => id)
  }
}

export async function openStage(store: EmptyStore, coverage: Coverage): Promise<Stage> {
  const server = await startServer({ store: store.setting, port: 0, log: { level: 'silent' } })
  const client = goClient(server.url)
  return {
    url: server.url,
    async call(method, path, call) {
      const heard = await client(method, path, call)
      coverage.note(method, path, heard.status)
      return heard
    },
    async [Symbol.asyncDispose]() {
      await server.close()
      await store[Symbol.asyncDispose]()
    },
  }
}
