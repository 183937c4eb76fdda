import { dataError } from './errors.ts'

/** The datasets that a process may read for a job. Each process has its own: a device has the data of its owner alone. */
export interface Datasets {
  /**
   * The path of a dataset in this process: by the dataset's name, or by the number of the client that trains on it.
   *
   * @throws DATASET_ELSEWHERE if this process has no such dataset.
   */
  path(of: string | number): string
}

/** Plain facts from which each thread makes its `Datasets`. */
export interface GivenDatasets {
  /** By name: paths of files or folders. */
  readonly paths: Readonly<Record<string, string>>
  /** By client: the names of the clients' datasets. A client that isn't listed has its number as name. */
  readonly ofClients?: Readonly<Record<number, string>> | undefined
}

export function datasetsOf({ paths, ofClients = {} }: GivenDatasets = { paths: {} }): Datasets {
  const known = new Map(Object.entries(paths))
  return {
    path(of) {
      const named = typeof of === 'number' ? ofClients[of] : of
      const path = known.get(named ?? String(of)) ?? known.get(String(of))
      if (path !== undefined) return path
      const has = known.size === 0 ? 'none' : [...known.keys()].toSorted().join(', ')
      throw dataError('DATASET_ELSEWHERE', { name: named ?? of, has })
    },
  }
}
