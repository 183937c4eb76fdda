import type { Availability } from '../behaviour.ts'
import { dayMs, deviceDraws, hourMs } from './draws.ts'
import { defineModel, settingError } from './model.ts'
import { zoneNames, zoneSlots } from './zones.ts'

/** Days after which a search gives up: an interval that is not there by then never comes, or never ends. */
const mostDays = 10_000
const halfDayMs = dayMs / 2

export interface DiurnalAvailability extends Availability {
  /** The place of a device's time zone from west to east, in (0, 1): uniform over the devices. */
  zoneRank(device: number): number
}

/**
 * Devices that are available at night: when they charge, idle, on a network that costs nothing.
 *
 * A device's day is the 24 hours around its hour `peak`, in its zone's time. With probability `day` the device is available
 * all of this day, with probability 1 − `night` not at all, and else from l before the peak to r after the peak. The places
 * of l and r in their distribution (12 h · (1 − √v), v uniform) are the device's own habits, moved each night by up to
 * `jitter` and reflected into [0, 1], which leaves them uniform. So the share of available devices x hours from the peak
 * is exactly day + (night − day)·(1 − x/12)², and day + (night − day)/3 over the day. With the defaults a zone's share falls
 * from 40 % to 10 %, by the factor of four that the source found among devices of the United States.
 *
 * Days are drawn independently. An interval that takes 10,000 days to begin or to end never does.
 *
 * @see Bonawitz et al., Towards federated learning at scale: system design, MLSys 2019, section 9.
 */
export const diurnal = defineModel({
  name: 'diurnal',
  summary:
    'available at night, local time: a share `night` of devices at the hour `peak`, a share `day` twelve hours later',
  source: 'Bonawitz et al., MLSys 2019, section 9',
  settings: {
    night: {
      kind: 'number',
      least: 0.001,
      most: 1,
      default: 0.4,
      help: 'share of devices that are available at the peak',
    },
    day: {
      kind: 'number',
      least: 0,
      most: 1,
      default: 0.1,
      help: 'share of devices that are available 12 h later; at most `night`',
    },
    zones: {
      kind: 'choice',
      choices: zoneNames,
      default: 'world',
      help: "devices' time zones: by the world's population, that of the United States, 24 equal ones, or UTC for all",
    },
    peak: { kind: 'number', least: 0, below: 24, default: 2, help: 'local hour at which most devices are available' },
    jitter: {
      kind: 'number',
      least: 0,
      most: 1,
      default: 0.2,
      help: "how far a device's interval moves from night to night: 0 not at all, 1 drawn anew",
    },
    start: { kind: 'number', least: 0, below: 24, default: 0, help: 'hour of the day, UTC, at which the run starts' },
  },
  make: ({ night, day, zones, peak, jitter, start }, { seed, part }): DiurnalAvailability => {
    if (day > night) throw settingError('diurnal', 'day', day, `at most night, which is ${night}`)
    const slots = zoneSlots(zones).map((hours) => Math.round((peak - hours - start) * hourMs) - halfDayMs)
    const zone = deviceDraws(seed, part, 'zone')
    const habit = deviceDraws(seed, part, 'habit')
    const nightly = deviceDraws(seed, part, 'night')

    /** The beginning of a device's day 0, half a day before its peak. */
    const originOf = (device: number) => slots[Math.floor(zone(device, 0) * slots.length)] ?? 0
    const dayOf = (origin: number, at: number) => Math.floor((Math.floor(at) - origin) / dayMs)
    const reach = (device: number, number: number, side: 1 | 2) => {
      const place = Math.abs(habit(device, side) + jitter * (2 * nightly(device, 3 * number + side) - 1))
      return Math.floor(halfDayMs * (1 - Math.sqrt(place > 1 ? 2 - place : place)))
    }
    /** Milliseconds of a device's day from which, and to which, the device is available. The same where it isn't. */
    const fromOf = (device: number, number: number) => {
      const kind = nightly(device, 3 * number)
      return kind < day ? 0 : kind < night ? halfDayMs - reach(device, number, 1) : dayMs
    }
    const toOf = (device: number, number: number) => {
      const kind = nightly(device, 3 * number)
      return kind < day || kind >= night ? dayMs : halfDayMs + reach(device, number, 2)
    }

    // Ends of intervals are whole milliseconds, so a time is in an interval as its whole milliseconds are.
    const isAvailable = (device: number, at: number) => {
      const since = Math.floor(at) - originOf(device)
      const number = Math.floor(since / dayMs)
      const kind = nightly(device, 3 * number)
      if (kind >= night) return false
      if (kind < day) return true
      const sincePeak = since - number * dayMs - halfDayMs
      return sincePeak < 0 ? -sincePeak <= reach(device, number, 1) : sincePeak < reach(device, number, 2)
    }
    const next = (device: number, at: number) => {
      const origin = originOf(device)
      const first = dayOf(origin, at)
      for (let number = first; number < first + mostDays; number++) {
        const begin = origin + number * dayMs
        const from = begin + fromOf(device, number)
        const to = begin + toOf(device, number)
        if (from < to && at < to) return Math.max(from, at)
      }
      return Number.POSITIVE_INFINITY
    }
    const until = (device: number, at: number) => {
      const origin = originOf(device)
      const first = dayOf(origin, at)
      for (let number = first; number < first + mostDays; number++) {
        const to = toOf(device, number)
        if (to < dayMs || fromOf(device, number + 1) > 0) return origin + number * dayMs + to
      }
      return Number.POSITIVE_INFINITY
    }
    return {
      isAvailable,
      next,
      until,
      zoneRank: (device) => zone(device, 0),
    }
  },
})
