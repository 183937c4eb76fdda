import {
  type GivenSettings,
  type SettingsTable,
  type SettingValues,
  settingFaults,
  settingValues,
} from '../../../sdk/index.ts'
import { behaviourError } from './errors.ts'
import type { DeviceTrace } from './trace.ts'

/** What a model is made from besides its settings. */
export interface ModelContext {
  readonly seed: number
  /** The part that the model is for, such as `upload`: models of different parts draw independently. Default: its name. */
  readonly part?: string
  /** For the models that take their numbers from a trace. */
  readonly trace?: DeviceTrace
}

interface Described<Table extends SettingsTable> {
  readonly name: string
  readonly settings: Table
  /** One line. */
  readonly summary: string
  readonly source?: string
}

/** A model of behaviour that makes a part from settings of unknown origin. */
export interface BehaviourModel<Made> extends Described<SettingsTable> {
  /** @throws BEHAVIOUR_SETTING */
  from(given: Readonly<Record<string, unknown>>, context: ModelContext): Made
}

/** A model that a program calls with typed settings, such as `logNormal({ median: 1, sigma: 0.5 }, { seed: 1 })`. */
export type ModelDefinition<Table extends SettingsTable, Made> = ((
  given: GivenSettings<Table>,
  context: ModelContext,
) => Made) &
  Described<Table> &
  BehaviourModel<Made>

/** Defines a model. `make` receives checked settings with defaults, and the part that draws are labelled with. */
export function defineModel<const Table extends SettingsTable, Made>({
  make,
  ...described
}: Described<Table> & {
  make(values: SettingValues<Table>, context: ModelContext & { readonly part: string }): Made
}): ModelDefinition<Table, Made> {
  const { name, settings, ...rest } = described
  const from = (given: Readonly<Record<string, unknown>>, context: ModelContext): Made => {
    const [fault] = settingFaults(settings, given)
    if (fault)
      throw settingError(name, fault.name, fault.problem === 'missing' ? 'missing' : fault.came, fault.expected)
    return make(settingValues(name, settings, given), { part: name, ...context })
  }
  const definition = (given: GivenSettings<Table>, context: ModelContext) => from({ ...given }, context)
  return Object.assign(Object.defineProperty(definition, 'name', { value: name }), { settings, ...rest, from })
}

/** Makes BEHAVIOUR_SETTING. */
export function settingError(of: string, name: string, came: unknown, expected: string) {
  return behaviourError('BEHAVIOUR_SETTING', { of, name, came, expected })
}
