import { algorithms, type Setting, topologies } from '../../sdk/index.ts'

/** A topology and an algorithm of the catalogues. */
export interface CataloguePair {
  readonly topology: string
  readonly algorithm: string
  /** The algorithm as `--set optimizer=…` takes it, with the settings that it requires. */
  readonly optimizer: string
}

/** Settings that make an algorithm's work small, where its defaults are for weeks of training. */
const small: Readonly<Record<string, readonly string[]>> = { pfedme: ['K=1', 'R=1'] }

/** Every pair of a ready-made topology and an algorithm, from the lists that the product itself has. */
export function cataloguePairs(): readonly CataloguePair[] {
  return Object.keys(topologies).flatMap((topology) =>
    algorithms.map(({ name, settings }) => {
      const required = Object.entries(settings).filter(([, each]) => each.default === undefined && !each.optional)
      const given = required.map(([setting, each]) => `${setting}=${leastValue(name, setting, each)}`)
      return { topology, algorithm: name, optimizer: [name, ...given, ...(small[name] ?? [])].join(',') }
    }),
  )
}

/** The least value of a setting that has no default. */
function leastValue(of: string, name: string, setting: Setting): string | number {
  switch (setting.kind) {
    case 'whole':
      return setting.least ?? 1
    case 'number':
      return setting.least ?? (setting.above ?? 0) + 0.1
    case 'choice':
      return setting.choices[0] ?? ''
    case 'text':
      throw new Error(`the pairs need a value for the text ${name} of ${of}: add one here`)
  }
}
