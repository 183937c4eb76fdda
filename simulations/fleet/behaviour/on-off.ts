import { exp } from '../../../sdk/index.ts'
import type { Availability } from '../behaviour.ts'
import { deviceKeys, earliestOfAny } from './draws.ts'
import { defineModel } from './model.ts'

const minuteMs = 60_000

/**
 * Devices that come and go, each by a Markov process of its own in continuous time: intervals of exponential length, on and
 * off. Exact, apart from times that are whole milliseconds, and stationary from the start: the share of available devices is
 * on / (on + off) at any time.
 *
 * A process of two states is a function of two independent Poisson processes of marks: marks `on` at the rate 1 / off, marks
 * `off` at the rate 1 / on. The device is in the state of the latest mark, whatever its state before. The marks of one cell
 * of time are independent of those of the others, so each cell's are hashed from its number, and a look at a time costs a
 * few cells.
 */
export const onOff = defineModel({
  name: 'on-off',
  summary: 'on and off by turns, each for an exponential time: a Markov process',
  settings: {
    on: { kind: 'number', least: 0.001, help: 'mean minutes for which a device is available' },
    off: { kind: 'number', least: 0.001, help: 'mean minutes for which a device is away' },
  },
  make: ({ on, off }, { seed, part }): Availability => {
    const comes = marks(deviceKeys(seed, part, 'on'), off * minuteMs)
    const goes = marks(deviceKeys(seed, part, 'off'), on * minuteMs)
    // Of two marks in one millisecond, the one for off counts.
    const isAvailable = (device: number, at: number) => {
      const left = goes.latest(device, at)
      return comes.isAfter(device, left, at)
    }
    const next = (device: number, at: number) => {
      if (isAvailable(device, at)) return at
      let come = comes.following(device, at)
      while (goes.latest(device, come) === come) come = comes.following(device, come)
      return come
    }
    return {
      isAvailable,
      next,
      until: (device, at) => goes.following(device, at),
      nextOfAny: (devices, at) => earliestOfAny(next, devices, at),
    }
  },
})

/** A device's Poisson process of marks, at whole milliseconds. */
interface Marks {
  /** The last mark up to `at`. */
  latest(device: number, at: number): number
  /** The first mark after `at`. */
  following(device: number, at: number): number
  /** Whether there is a mark after `from` and up to `at`. */
  isAfter(device: number, from: number, at: number): boolean
}

/** Most marks of a cell: more are less probable than the least draw. */
const mostMarks = 14

/** The probabilities of less than 0, 1, 2, … marks in a cell, whose mean is one mark. */
const lessThan = (() => {
  let sum = 0
  let probability = exp(-1)
  return Float64Array.from({ length: mostMarks + 2 }, (_, count) => {
    const before = sum
    sum += probability
    probability /= count + 1
    return before
  })
})()

function marks({ keyOf, draw }: ReturnType<typeof deviceKeys>, meanMs: number): Marks {
  const cellMs = Math.max(1, Math.round(meanMs))
  const none = lessThan[1] ?? 0
  /**
   * The last mark of a cell up to `most`, or the first one after `least`, as its place in the cell; `missing` if there is
   * none. One draw says how many marks there are, and by its place among the draws of so many where the first one lies.
   */
  const lastIn = (key: number, cell: number, most: number) => {
    const place = draw(key, cell << 4)
    if (place < none) return -1
    let count = 1
    while (place >= (lessThan[count + 1] ?? 1)) count++
    let last = -1
    for (let index = 1; index <= count; index++) {
      const mark = index === 1 ? firstMark(place, count) : Math.floor(draw(key, (cell << 4) + index) * cellMs)
      if (mark <= most && mark > last) last = mark
    }
    return last
  }
  const firstIn = (key: number, cell: number, least: number) => {
    const place = draw(key, cell << 4)
    if (place < none) return cellMs
    let count = 1
    while (place >= (lessThan[count + 1] ?? 1)) count++
    let first = cellMs
    for (let index = 1; index <= count; index++) {
      const mark = index === 1 ? firstMark(place, count) : Math.floor(draw(key, (cell << 4) + index) * cellMs)
      if (mark > least && mark < first) first = mark
    }
    return first
  }
  const firstMark = (place: number, count: number) => {
    const begin = lessThan[count] ?? 0
    return Math.floor(((place - begin) / ((lessThan[count + 1] ?? 1) - begin)) * cellMs)
  }
  return {
    latest(device, at) {
      const key = keyOf(device)
      const whole = Math.floor(at)
      let cell = Math.floor(whole / cellMs)
      let last = lastIn(key, cell, whole - cell * cellMs)
      while (last < 0) last = lastIn(key, --cell, cellMs)
      return cell * cellMs + last
    },
    following(device, at) {
      const key = keyOf(device)
      const whole = Math.floor(at)
      let cell = Math.floor(whole / cellMs)
      let first = firstIn(key, cell, whole - cell * cellMs)
      while (first === cellMs) first = firstIn(key, ++cell, -1)
      return cell * cellMs + first
    },
    isAfter(device, from, at) {
      const key = keyOf(device)
      const whole = Math.floor(at)
      let cell = Math.floor(whole / cellMs)
      let last = lastIn(key, cell, whole - cell * cellMs)
      while (last < 0 && cell * cellMs > from) last = lastIn(key, --cell, cellMs)
      return last >= 0 && cell * cellMs + last > from
    },
  }
}
