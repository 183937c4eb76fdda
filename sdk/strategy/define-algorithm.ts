import type { Algorithm, Selector } from './algorithm.ts'
import { type SettingsArgument, type SettingsTable, type SettingValues, settingValues } from './settings.ts'

/** What a definition says of itself: read by the catalogue, the API's validation and the documentation. */
export interface Described<Table extends SettingsTable = SettingsTable> {
  /** The `sort` by which a job names it. */
  readonly name: string
  readonly settings: Table
  /** One line: what it computes. */
  readonly summary: string
  /** The paper, and the place in it. */
  readonly source?: string
}

/** Makes an algorithm from its settings, such as `fedAdam({ beta1: 0.9 })`. */
export type AlgorithmDefinition<Table extends SettingsTable = SettingsTable, Server = unknown, Client = unknown> = ((
  ...given: SettingsArgument<Table>
) => Algorithm<Server, Client>) &
  Described<Table> & {
    /** Makes the algorithm from settings of unknown origin. Throws STRATEGY_SETTING, STRATEGY_SETTING_UNKNOWN. */
    from(given: Readonly<Record<string, unknown>>): Algorithm<Server, Client>
  }

/** Makes a selector from its settings. */
export type SelectorDefinition<Table extends SettingsTable = SettingsTable> = ((
  ...given: SettingsArgument<Table>
) => Selector) &
  Described<Table> & { from(given: Readonly<Record<string, unknown>>): Selector }

/** Defines an algorithm: `make` gets checked settings, with defaults filled in, and gives the parts. */
export function defineAlgorithm<const Table extends SettingsTable, Server, Client>({
  make,
  ...described
}: Described<Table> & {
  make(values: SettingValues<Table>): Omit<Algorithm<Server, Client>, 'name'>
}): AlgorithmDefinition<Table, Server, Client> {
  return defined(described, (values): Algorithm<Server, Client> => ({ name: described.name, ...make(values) }))
}

/** Defines a selector: `make` gets checked settings, with defaults filled in. */
export function defineSelector<const Table extends SettingsTable>({
  make,
  ...described
}: Described<Table> & { make(values: SettingValues<Table>): Selector }): SelectorDefinition<Table> {
  return defined(described, make)
}

function defined<const Table extends SettingsTable, Made>(
  described: Described<Table>,
  make: (values: SettingValues<Table>) => Made,
) {
  const from = (given: Readonly<Record<string, unknown>>) =>
    make(settingValues(described.name, described.settings, given))
  const definition = (...[given]: SettingsArgument<Table>) => from({ ...given })
  const { name, ...rest } = described
  return Object.assign(Object.defineProperty(definition, 'name', { value: name }), { ...rest, from })
}
