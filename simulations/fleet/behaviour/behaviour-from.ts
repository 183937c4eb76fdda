import { knownNames } from '../../../runtime/index.ts'
import type { Setting, SettingsTable } from '../../../sdk/index.ts'
import type { Availability, DeviceNumbers, FleetBehaviour, WorkFaults } from '../behaviour.ts'
import { rankOf } from './correlation.ts'
import { instant } from './device-numbers.ts'
import type { DiurnalAvailability } from './diurnal.ts'
import { behaviourError } from './errors.ts'
import { always } from './lives.ts'
import type { BehaviourModel, ModelContext } from './model.ts'
import { type BehaviourPart, type BehaviourPartName, behaviourPartNames, behaviourParts } from './models.ts'
import { type DeviceTrace, type NumberAttribute, numberAttributes } from './trace.ts'
import { tracedAvailability, tracedNumbers } from './traced.ts'
import { allFaults } from './work-faults.ts'

/** The parts of a behaviour as texts, such as { availability: 'diurnal', speed: 'lognormal:20,0.8', dropout: '0.1' }. */
export type BehaviourTexts = { readonly [Part in BehaviourPartName]?: string | undefined }

export interface BehaviourOptions {
  readonly seed: number
  /** Where the models `trace` take their numbers from. Parts that no text names come from the trace too, if it has them. */
  readonly trace?: DeviceTrace
}

/**
 * Makes a behaviour from texts. A text is the name of a model of `behaviourParts`, and its settings after a colon, by their
 * order or their names: `diurnal`, `diurnal:0.4,0.1`, `diurnal:zones=us,peak=3`. The name may be left out where the part has
 * one model, and before a plain number. Parts without a text, or with `none`, take no time and lose nothing.
 *
 * @throws BEHAVIOUR_PART, BEHAVIOUR_MODEL, BEHAVIOUR_SETTING, BEHAVIOUR_TEXT; BEHAVIOUR_TRACE without the trace's facts.
 */
export function behaviourFrom(texts: BehaviourTexts, { seed, trace }: BehaviourOptions): FleetBehaviour {
  for (const part of Object.keys(texts))
    if (!Object.hasOwn(behaviourParts, part))
      throw behaviourError('BEHAVIOUR_PART', { part, known: knownNames(part, behaviourPartNames) })
  const context = { seed, ...(trace && { trace }) }
  const made = <Made>(name: BehaviourPartName, part: BehaviourPart<Made>): Made | undefined =>
    madeFrom(name, part, texts[name], context)

  const plain = made('availability', behaviourParts.availability) ?? availabilityOf(context)
  const numbers = (part: NumberAttribute): DeviceNumbers => made(part, behaviourParts[part]) ?? numbersOf(part, context)
  const [speed, download, upload] = [numbers('speed'), numbers('download'), numbers('upload')]
  const shifted = made('skew', behaviourParts.skew)?.(plain) ?? plain
  const availability = made('churn', behaviourParts.churn)?.(shifted) ?? shifted
  const faults: readonly WorkFaults[] = [
    made('dropout', behaviourParts.dropout),
    made('link', behaviourParts.link),
    made('delay', behaviourParts.delay),
  ].filter((fault) => fault !== undefined)
  const order = made('correlate', behaviourParts.correlate)
  const ranks = { speed, download, upload }
  return {
    availability,
    speed,
    download,
    upload,
    ...(faults.length > 0 && { faults: allFaults(faults) }),
    ...(order && { dataOrder: order(rankNamed(texts.correlate ?? '', ranks, plain, seed)) }),
  }
}

function availabilityOf(context: ModelContext): Availability {
  return context.trace?.intervals
    ? tracedAvailability({}, { ...context, part: 'availability' })
    : always({}, { ...context, part: 'availability' })
}

function numbersOf(part: NumberAttribute, context: ModelContext): DeviceNumbers {
  return (context.trace?.numbers[part] ? tracedNumbers : instant)({}, { ...context, part })
}

function rankNamed(
  text: string,
  ranks: Readonly<Record<NumberAttribute, DeviceNumbers>>,
  availability: Availability,
  seed: number,
) {
  const name = text.split(':', 1)[0]?.trim()
  const numbers = numberAttributes.find((each) => each === name)
  if (numbers) return rankOf(ranks[numbers], seed)
  if (isDiurnal(availability)) return (device: number) => availability.zoneRank(device)
  throw behaviourError('BEHAVIOUR_TEXT', {
    part: 'correlate',
    given: text,
    reason: 'devices have no zones unless their availability is diurnal',
    example: behaviourParts.correlate.example,
  })
}

function isDiurnal(availability: Availability): availability is DiurnalAvailability {
  return 'zoneRank' in availability
}

function madeFrom<Made>(
  name: BehaviourPartName,
  part: BehaviourPart<Made>,
  text: string | undefined,
  context: ModelContext,
): Made | undefined {
  if (text === undefined || text.trim() === 'none') return undefined
  const { model, rest } = modelNamed(name, part, text.trim())
  const settings = settingsIn(name, part, model, rest)
  return model.from(settings, { ...context, part: name })
}

/** The model of a text, and the text of its settings. */
function modelNamed<Made>(name: string, { models, example }: BehaviourPart<Made>, text: string) {
  const [head = '', ...tail] = text.split(':')
  const named = models.find((model) => model.name === head.trim())
  if (named) return { model: named, rest: tail.join(':').trim() }
  const [first] = models
  const isPlain = models.length === 1 || Number.isFinite(Number(text))
  if (first && isPlain && text !== '' && Object.keys(first.settings).length > 0) return { model: first, rest: text }
  const known = knownNames(head, [...models.map((model) => model.name), 'none'])
  throw behaviourError('BEHAVIOUR_MODEL', { part: name, given: `'${text}'`, known, example })
}

/** The settings of a text by their names: by their order, or given as name=value. */
function settingsIn<Made>(
  part: string,
  { example }: BehaviourPart<Made>,
  { name, settings }: BehaviourModel<Made>,
  text: string,
): Readonly<Record<string, unknown>> {
  const names = Object.keys(settings)
  const [first = ''] = names
  if (text === '') return {}
  if (settings[first]?.kind === 'text')
    return { [first]: text.startsWith(`${first}=`) ? text.slice(first.length + 1) : text }
  const fault = (reason: string) => behaviourError('BEHAVIOUR_TEXT', { part, given: `'${text}'`, reason, example })
  const given = new Map<string, unknown>()
  for (const [index, each] of text.split(',').entries()) {
    const at = each.indexOf('=')
    const as = at < 0 ? names[index] : each.slice(0, at).trim()
    const value = each.slice(at + 1).trim()
    if (value === '') throw fault('a setting is empty')
    if (as === undefined)
      throw fault(names.length === 0 ? `${name} has no settings` : `${name} has only the settings ${names.join(', ')}`)
    if (given.has(as)) throw fault(`${as} is given twice`)
    given.set(as, valueOf(settings, as, value))
  }
  return Object.fromEntries(given)
}

function valueOf(settings: SettingsTable, name: string, text: string): string | number {
  const setting: Setting | undefined = settings[name]
  const isNumber = setting === undefined || setting.kind === 'number' || setting.kind === 'whole'
  return isNumber && !Number.isNaN(Number(text)) ? Number(text) : text
}
