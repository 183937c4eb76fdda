import { exp, log } from '../../../sdk/index.ts'
import type { Availability } from '../behaviour.ts'
import { deviceKeys } from './draws.ts'
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
      return comes.latest(device, at, left) > left
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
    }
  },
})

/** A device's Poisson process of marks, at whole milliseconds. */
interface Marks {
  /** The last mark up to `at`; some time up to `from` if there is none after `from`. */
  latest(device: number, at: number, from?: number): number
  /** The first mark after `at`. */
  following(device: number, at: number): number
}

/** Draws below e⁻¹ are gaps that are longer than a cell. */
const longest = exp(-1)
const pieces = 512
/** Exponential gaps, in cells, by their draw. The function is straight between two of them, which is exact to 10⁻⁵. */
const gaps = Float64Array.from({ length: pieces + 1 }, (_, piece) => -log(Math.max(piece, 1) / pieces))

function gapOf(draw: number): number {
  const place = draw * pieces
  const piece = Math.floor(place)
  const from = gaps[piece] ?? 0
  return from + (place - piece) * ((gaps[piece + 1] ?? 0) - from)
}

/** A cell's marks are drawn from its end to its beginning, as gaps. Sixteen counts suffice for the gaps of a cell. */
function marks({ keyOf, draw }: ReturnType<typeof deviceKeys>, meanMs: number): Marks {
  const cellMs = Math.max(1, Math.round(meanMs))
  return {
    latest(device, at, from = Number.NEGATIVE_INFINITY) {
      const key = keyOf(device)
      const whole = Math.floor(at)
      let cell = Math.floor(whole / cellMs)
      let most = whole - cell * cellMs
      for (;;) {
        let mark = cellMs
        for (let count = cell << 4; ; count++) {
          const gap = draw(key, count)
          if (gap < longest) break
          mark -= gapOf(gap) * cellMs
          if (mark >= most + 1) continue
          if (mark < 0) break
          return cell * cellMs + Math.floor(mark)
        }
        if (cell * cellMs <= from) return from
        cell--
        most = cellMs
      }
    },
    following(device, at) {
      const key = keyOf(device)
      const whole = Math.floor(at)
      let cell = Math.floor(whole / cellMs)
      let least = whole - cell * cellMs
      for (;;) {
        let first = cellMs
        let mark = cellMs
        for (let count = cell << 4; ; count++) {
          mark -= gapOf(draw(key, count)) * cellMs
          if (mark < least + 1) break
          first = Math.floor(mark)
        }
        if (first < cellMs) return cell * cellMs + first
        cell++
        least = -1
      }
    },
  }
}
