import { knownNames } from '../../runtime/index.ts'
import { strategyError } from './errors.ts'

interface Described {
  /** One line: the setting's effect. */
  readonly help: string
  /** The setting's name among the `kwargs` of the original (Flame), if different. */
  readonly kwarg?: string
  /** The job's hyperparameter that sets this setting unless the kwargs do. */
  readonly hyperparameter?: string
  /** A setting with neither a default nor `optional` is required. */
  readonly optional?: true
}

export interface NumberSetting extends Described {
  /** `whole`: integers only. */
  readonly kind: 'number' | 'whole'
  readonly above?: number
  readonly least?: number
  readonly below?: number
  readonly most?: number
  /** A word that may stand in place of a number. */
  readonly or?: string
  readonly default?: number
}

export interface ChoiceSetting extends Described {
  readonly kind: 'choice'
  readonly choices: readonly string[]
  readonly default?: string
}

export interface TextSetting extends Described {
  readonly kind: 'text'
  readonly default?: string
}

export type Setting = NumberSetting | ChoiceSetting | TextSetting

/** The settings of an algorithm or a selector, by name. */
export type SettingsTable = Readonly<Record<string, Setting>>

type ValueOf<One extends Setting> = One extends { kind: 'choice'; choices: readonly (infer Choice)[] }
  ? Choice
  : One extends { kind: 'text' }
    ? string
    : One extends { or: infer Word extends string }
      ? number | Word
      : number

type RequiredNames<Table extends SettingsTable> = {
  [Name in keyof Table]: Table[Name] extends { default: unknown } | { optional: true } ? never : Name
}[keyof Table]

/** Settings as the caller gives them: required without a default, unless the table says optional. */
export type GivenSettings<Table extends SettingsTable> = {
  readonly [Name in RequiredNames<Table>]: ValueOf<Table[Name]>
} & { readonly [Name in Exclude<keyof Table, RequiredNames<Table>>]?: ValueOf<Table[Name]> | undefined }

/** Settings with the defaults filled in. */
export type SettingValues<Table extends SettingsTable> = {
  readonly [Name in keyof Table]: Table[Name] extends { optional: true }
    ? ValueOf<Table[Name]> | undefined
    : ValueOf<Table[Name]>
}

/** The one argument of a definition. Optional if no setting is required. */
export type SettingsArgument<Table extends SettingsTable> =
  Record<never, never> extends GivenSettings<Table> ? [given?: GivenSettings<Table>] : [given: GivenSettings<Table>]

/** A fault of one given setting. */
export interface SettingFault {
  readonly problem: 'unknown' | 'missing' | 'range'
  readonly name: string
  readonly came: unknown
  /** The expected value, for people to read. */
  readonly expected: string
}

/** Finds a setting's name in the table by its name or its kwarg. */
export function nameIn(table: SettingsTable, given: string): string | undefined {
  if (Object.hasOwn(table, given)) return given
  return Object.keys(table).find((name) => table[name]?.kwarg === given)
}

/** All faults of given settings. An undefined value counts as missing. */
export function settingFaults(table: SettingsTable, given: Readonly<Record<string, unknown>>): SettingFault[] {
  const faults: SettingFault[] = []
  const missing = new Set(
    Object.entries(table).flatMap(([name, { optional, default: value }]) =>
      optional || value !== undefined ? [] : [name],
    ),
  )
  /** By name in the table, the name under which its setting came first. */
  const first = new Map<string, string>()
  for (const [as, came] of Object.entries(given)) {
    const name = nameIn(table, as)
    const setting = name === undefined ? undefined : table[name]
    if (name === undefined || setting === undefined) {
      const known = Object.keys(table).map((each) => (as.includes('_') ? (table[each]?.kwarg ?? each) : each))
      faults.push({ problem: 'unknown', name: as, came, expected: known.length === 0 ? 'none' : knownNames(as, known) })
    } else if (came !== undefined) {
      missing.delete(name)
      const before = first.get(name)
      first.set(name, before ?? as)
      if (before !== undefined) {
        const expected = `a value under one name alone: ${before} is the same setting, and given too`
        faults.push({ problem: 'range', name: as, came, expected })
      } else if (!fits(setting, came))
        faults.push({ problem: 'range', name: as, came, expected: settingRange(setting) })
    }
  }
  for (const name of missing) {
    const setting = table[name]
    if (setting)
      faults.push({ problem: 'missing', name: setting.kwarg ?? name, came: undefined, expected: settingRange(setting) })
  }
  return faults
}

/**
 * Checks settings and fills in defaults. `of` names their owner in errors.
 *
 * @throws STRATEGY_SETTING for the first setting that is out of range or missing, STRATEGY_SETTING_UNKNOWN for a
 *   setting outside the table.
 */
export function settingValues<Table extends SettingsTable>(
  of: string,
  table: Table,
  given: Readonly<Record<string, unknown>>,
): SettingValues<Table> {
  const [fault] = settingFaults(table, given)
  if (fault?.problem === 'unknown')
    throw strategyError('STRATEGY_SETTING_UNKNOWN', { ...fault, of, known: fault.expected })
  const values: Record<string, unknown> = Object.fromEntries(
    Object.entries(table).map(([name, setting]) => [name, setting.default]),
  )
  for (const [as, value] of Object.entries(given)) if (value !== undefined) values[nameIn(table, as) ?? as] = value
  if (fault === undefined && areValues(table, values)) return values
  throw strategyError('STRATEGY_SETTING', { of, ...fault, came: fault?.came ?? 'missing' })
}

function areValues<Table extends SettingsTable>(table: Table, values: unknown): values is SettingValues<Table> {
  return typeof values === 'object' && values !== null && settingFaults(table, { ...values }).length === 0
}

function fits(setting: Setting, value: unknown): boolean {
  if (setting.kind === 'choice') return typeof value === 'string' && setting.choices.includes(value)
  if (setting.kind === 'text') return typeof value === 'string'
  if (setting.or !== undefined && value === setting.or) return true
  if (typeof value !== 'number' || !Number.isFinite(value)) return false
  const { kind, above, least, below, most } = setting
  return (
    (kind === 'number' || Number.isInteger(value)) &&
    (above === undefined || value > above) &&
    (least === undefined || value >= least) &&
    (below === undefined || value < below) &&
    (most === undefined || value <= most)
  )
}

/** A setting's range in words, such as "a number above 0 and at most 1". */
export function settingRange(setting: Setting): string {
  if (setting.kind === 'choice') return `one of ${setting.choices.join(', ')}`
  if (setting.kind === 'text') return 'a text'
  const { kind, above, least, below, most } = setting
  const bounds = Object.entries({ above, 'at least': least, below, 'at most': most }).flatMap(([relation, bound]) =>
    bound === undefined ? [] : [`${relation} ${bound}`],
  )
  const range = [kind === 'whole' ? 'a whole number' : 'a number', bounds.join(' and ')].filter(Boolean).join(' ')
  return setting.or === undefined ? range : `${range}, or ${setting.or}`
}
