import { fieldsOf, isString, isStrings, listOf } from '../../runtime/index.ts'
import type { ChannelWiring } from '../role/channel/wiring.ts'

/** A channel that an end joins, and the end's group there. */
export interface Place {
  readonly channel: string
  readonly group: string
  /** The role whose ends this end sees on the channel. */
  readonly otherRole: string
  /** Whether this end gives assignments to those ends, or gets assignments from them. Absent: neither. */
  readonly stands?: 'above' | 'below'
}

/** Tasks that share their channels share their places. */
const made = new WeakMap<readonly ChannelWiring[], readonly Place[]>()

/** The places of a task, by its wired channels. */
export function placesOf(channels: readonly ChannelWiring[]): readonly Place[] {
  const known = made.get(channels)
  if (known) return known
  const places = channels.map(
    ({ name: channel, group, otherRole, funcTags }): Place => ({
      channel,
      group,
      otherRole,
      ...(funcTags.includes('distribute') && { stands: 'above' }),
      ...(funcTags.includes('upload') && { stands: 'below' }),
    }),
  )
  made.set(channels, places)
  return places
}

export function decodePlace(value: unknown): Place | undefined {
  const { channel, group, otherRole, stands } = fieldsOf(value)
  if (!isString(channel) || !isString(group) || !isString(otherRole)) return undefined
  return { channel, group, otherRole, ...((stands === 'above' || stands === 'below') && { stands }) }
}

/** The decision that other ends stand above the ends below an end that has failed for good. */
export interface Adoption {
  readonly end: string
  readonly heirs: readonly string[]
  /** The places that the heirs take. */
  readonly places: readonly Place[]
}

export function decodeAdoption(value: unknown): Adoption | undefined {
  const { end, heirs, ...fields } = fieldsOf(value)
  const places = listOf(fields.places, decodePlace)
  return isString(end) && isStrings(heirs) && places ? { end, heirs, places } : undefined
}
