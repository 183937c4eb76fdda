import type { Algorithm } from './algorithm.ts'
import { type SettingsArgument, type SettingsTable, type SettingValues, settingValues } from './settings.ts'

/** A definition's description, for the catalogue, the API's validation and the documentation. */
export interface Described<Table extends SettingsTable = SettingsTable> {
  /** The name that a job gives as `sort`. */
  readonly name: string
  /** Another name that a job may give. */
  readonly alias?: string
  readonly settings: Table
  /** One line: the computation. */
  readonly summary: string
  /** The paper, and the algorithm or section in the paper. */
  readonly source?: string
}

/** An entry that a job may name: turns the job's algorithm so far into the one with this entry. */
export interface Named extends Described {
  apply(algorithm: Algorithm, given: Readonly<Record<string, unknown>>): Algorithm
}

/** Defines an entry. `apply` receives checked settings with defaults. */
export function defineEntry<const Table extends SettingsTable>({
  apply,
  ...described
}: Described<Table> & { apply(algorithm: Algorithm, values: SettingValues<Table>): Algorithm }): Named {
  const { name, settings } = described
  return { ...described, apply: (algorithm, given) => apply(algorithm, settingValues(name, settings, given)) }
}

/** Makes an algorithm from its settings, such as `fedAdam({ beta1: 0.9 })`. */
export type AlgorithmDefinition<Table extends SettingsTable = SettingsTable, Server = unknown, Client = unknown> = ((
  ...given: SettingsArgument<Table>
) => Algorithm<Server, Client>) &
  Described<Table> & { from(given: Readonly<Record<string, unknown>>): Algorithm<Server, Client> }

/** A definition with an unspecific type of settings. */
export interface KnownAlgorithm extends Described {
  /** Makes the algorithm from settings of unknown origin. Throws STRATEGY_SETTING, STRATEGY_SETTING_UNKNOWN. */
  from(given: Readonly<Record<string, unknown>>): Algorithm
}

/** Defines an algorithm. `make` receives checked settings with defaults, and returns the parts. */
export function defineAlgorithm<const Table extends SettingsTable, Server, Client>({
  make,
  ...described
}: Described<Table> & {
  make(values: SettingValues<Table>): Omit<Algorithm<Server, Client>, 'name'>
}): AlgorithmDefinition<Table, Server, Client> {
  const from = (given: Readonly<Record<string, unknown>>): Algorithm<Server, Client> => ({
    name: described.name,
    ...make(settingValues(described.name, described.settings, given)),
  })
  const definition = (...[given]: SettingsArgument<Table>) => from({ ...given })
  const { name, ...rest } = described
  return Object.assign(Object.defineProperty(definition, 'name', { value: name }), { ...rest, from })
}
