import { normalQuantile } from '../../../sdk/index.ts'
import type { Availability } from '../behaviour.ts'
import { dayMs, deviceDraws, exponentialQuantile } from './draws.ts'
import { defineModel } from './model.ts'

const minuteMs = 60_000

/** Devices that always take work. */
export const always = defineModel({
  name: 'always',
  summary: 'available all the time',
  settings: {},
  make: (): Availability => ({
    isAvailable: () => true,
    next: (_, at) => at,
    until: () => Number.POSITIVE_INFINITY,
  }),
})

/** Makes an availability from another one. */
export type AvailabilityChange = (inner: Availability) => Availability

/** Pieces of the exponential distribution whose bounds decide, for all but one age in 256, without a logarithm. */
const pieces = 256

/**
 * Devices that come once and go for good. A share `present` is there at the start; the others come at times that are uniform
 * over `arrivalDays`. Each stays for an exponential time of the mean `lifetimeDays`, whether it is available or away.
 */
export const churn = defineModel({
  name: 'churn',
  summary: 'devices come over the first days, and go for good after an exponential lifetime',
  settings: {
    arrivalDays: { kind: 'number', least: 0, help: 'days over which devices come, evenly' },
    lifetimeDays: { kind: 'number', above: 0, or: 'endless', help: 'mean days from coming to going' },
    present: { kind: 'number', least: 0, most: 1, default: 0, help: 'share of devices that are there at the start' },
  },
  make: ({ arrivalDays, lifetimeDays, present }, { seed, part }): AvailabilityChange => {
    const draw = deviceDraws(seed, part)
    const meanMs = lifetimeDays === 'endless' ? Number.POSITIVE_INFINITY : Number(lifetimeDays) * dayMs
    const bounds = Float64Array.from({ length: pieces + 1 }, (_, piece) => exponentialQuantile(piece / pieces) * meanMs)
    bounds[0] = 0

    const comesAt = (device: number) => {
      const place = draw(device, 0)
      return place < present ? 0 : Math.floor(((place - present) / (1 - present)) * arrivalDays * dayMs)
    }
    const goesAt = (device: number) => comesAt(device) + Math.ceil(exponentialQuantile(draw(device, 1)) * meanMs)
    const isThere = (device: number, at: number) => {
      const age = at - comesAt(device)
      if (age < 0) return false
      const piece = Math.floor(draw(device, 1) * pieces)
      if (age + 1 < (bounds[piece] ?? 0)) return true
      return age <= (bounds[piece + 1] ?? 0) + 1 && at < goesAt(device)
    }
    return (inner) => {
      return {
        isAvailable: (device, at) => isThere(device, at) && inner.isAvailable(device, at),
        next(device, at) {
          const come = inner.next(device, Math.max(at, comesAt(device)))
          return come < goesAt(device) ? come : Number.POSITIVE_INFINITY
        },
        until: (device, at) => Math.min(inner.until(device, at), goesAt(device)),
      }
    }
  },
})

/** Number of quantiles by which a normal distribution is approximated: a table takes a tenth of the time of the function. */
const skews = 4096

/**
 * Devices whose clocks are wrong, each by a constant: one of 4,096 quantiles of the normal distribution
 * with mean 0 and the standard deviation `minutes`.
 *
 * A device decides by its own clock when it is available, so its intervals lie earlier by as much as its clock is fast.
 * Nothing else depends on a device's clock: rounds, deadlines and the times of a run are those of the aggregators' clock,
 * and updates carry no times.
 */
export const skew = defineModel({
  name: 'skew',
  summary: "devices' clocks are wrong by a normal time, which moves the intervals in which they are available",
  settings: { minutes: { kind: 'number', least: 0, help: 'standard deviation in minutes' } },
  make: ({ minutes }, { seed, part }): AvailabilityChange => {
    const draw = deviceDraws(seed, part)
    const quantiles = Float64Array.from({ length: skews }, (_, index) =>
      Math.round(normalQuantile((index + 0.5) / skews) * minutes * minuteMs),
    )
    const fastBy = (device: number) => quantiles[Math.floor(draw(device, 0) * skews)] ?? 0
    return (inner) => {
      // Whole milliseconds, as the ends of intervals: sums of fractions would be rounded.
      return {
        isAvailable: (device, at) => inner.isAvailable(device, Math.floor(at) + fastBy(device)),
        next(device, at) {
          const fast = fastBy(device)
          return Math.max(at, inner.next(device, Math.floor(at) + fast) - fast)
        },
        until(device, at) {
          const fast = fastBy(device)
          return inner.until(device, Math.floor(at) + fast) - fast
        },
      }
    }
  },
})
