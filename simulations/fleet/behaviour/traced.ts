import type { Availability, DeviceNumbers } from '../behaviour.ts'
import { deviceDraws } from './draws.ts'
import { behaviourError } from './errors.ts'
import { defineModel, type ModelContext } from './model.ts'
import { type DeviceTrace, numberAttributes } from './trace.ts'

function rowOf({ seed }: ModelContext, rows: number) {
  // One row for all parts: a device has speed and availability of the same recorded device.
  const draw = deviceDraws(seed, 'trace')
  return (device: number) => (device < rows ? device : Math.floor(draw(device, 0) * rows))
}

/** Numbers of the recorded devices. */
export const tracedNumbers = defineModel({
  name: 'trace',
  summary: 'as recorded in the trace',
  settings: {},
  make: (_, context): DeviceNumbers => {
    const { part, seed } = context
    const attribute = numberAttributes.find((each) => each === part)
    const values = attribute && context.trace?.numbers[attribute]
    if (!values) throw noTrace(part, context.trace)
    const row = rowOf(context, values.length)
    const draw = deviceDraws(seed, part, 'rank')
    const places = new Float64Array(values.length)
    const order = Uint32Array.from(values, (_value, index) => index)
    order.sort((one, other) => (values[one] ?? 0) - (values[other] ?? 0) || one - other)
    for (const [place, index] of order.entries()) places[index] = place
    return {
      of: (device) => values[row(device)] ?? 0,
      rank: (device) => ((places[row(device)] ?? 0) + draw(device, 0)) / values.length,
    }
  },
})

/** Availability of the recorded devices, which repeats with the period. */
export const tracedAvailability = defineModel({
  name: 'trace',
  summary: 'as recorded in the trace, again and again',
  settings: {},
  make: (_, context): Availability => {
    const intervals = context.trace?.intervals
    if (!intervals) throw noTrace(context.part, context.trace)
    const { offsets, starts, ends, periods } = intervals
    const row = rowOf(context, periods.length)
    const [first, last] = [(of: number) => offsets[of] ?? 0, (of: number) => offsets[of + 1] ?? 0]

    /** The interval of a row that ends first after `place`, a time within the period. */
    const after = (of: number, place: number) => {
      let [low, high] = [first(of), last(of)]
      while (low < high) {
        const middle = (low + high) >>> 1
        if ((ends[middle] ?? 0) > place) high = middle
        else low = middle + 1
      }
      return low
    }
    const beginOf = (at: number, period: number) => Math.floor(Math.floor(at) / period) * period
    const isAvailable = (device: number, at: number) => {
      const of = row(device)
      const place = Math.floor(at) - beginOf(at, periods[of] ?? 1)
      const interval = after(of, place)
      return interval < last(of) && (starts[interval] ?? 0) <= place
    }
    const next = (device: number, at: number) => {
      const of = row(device)
      if (first(of) === last(of)) return Number.POSITIVE_INFINITY
      const period = periods[of] ?? 1
      const begin = beginOf(at, period)
      const interval = after(of, Math.floor(at) - begin)
      const start = interval < last(of) ? begin + (starts[interval] ?? 0) : begin + period + (starts[first(of)] ?? 0)
      return Math.max(at, start)
    }
    const until = (device: number, at: number) => {
      const of = row(device)
      const period = periods[of] ?? 1
      const begin = beginOf(at, period)
      const end = ends[after(of, Math.floor(at) - begin)] ?? 0
      if (end < period || starts[first(of)] !== 0) return begin + end
      const onward = ends[first(of)] ?? 0
      return onward < period ? begin + period + onward : Number.POSITIVE_INFINITY
    }
    return {
      isAvailable,
      next,
      until,
    }
  },
})

function noTrace(part: string | undefined, trace: DeviceTrace | undefined) {
  if (trace) {
    const advice = `add lines for ${part === 'availability' ? 'available and period' : part}, or choose another model`
    return behaviourError('BEHAVIOUR_TRACE', { part, reason: `${trace.file} says nothing of it`, advice })
  }
  return behaviourError('BEHAVIOUR_TRACE', { part, reason: 'there is none', advice: 'name the trace, a csv file' })
}
