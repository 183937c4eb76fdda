import type { DialledAt } from '../actors/index.ts'

/** The program of a flamelet that a server starts. It reads its setup from its standard input. */
export const localFlameletProgram = new URL('node-local-flamelet.js', import.meta.url)

/** All that a local flamelet is told. */
export interface LocalFlameletSetup {
  readonly name: string
  readonly token: string
  readonly at: DialledAt
  /** Name of the server's node. */
  readonly server: string
  /** Keeps the flamelet's state. */
  readonly folder: string
  /** Each task runs in a process of its own with few rights; else in the flamelet, with those of the account. */
  readonly isConfined: boolean
  /** Paths of data that tasks may read, by the names by which workloads ask for the data. */
  readonly paths: Readonly<Record<string, string>>
  /** Further paths that tasks may read. */
  readonly reads: readonly string[] | 'all'
}
