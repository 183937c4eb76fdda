import { exp, log } from '../../../sdk/index.ts'
import type { Availability } from '../behaviour.ts'
import { type DeviceKeys, deviceKeys, mixed, wordOf } from './draws.ts'
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
    const comes = new Marks(deviceKeys(seed, part, 'on'), off * minuteMs)
    const goes = new Marks(deviceKeys(seed, part, 'off'), on * minuteMs)
    // Of two marks in one millisecond, the one for off counts.
    const isAvailable = (device: number, at: number) => {
      const left = goes.latest(device, at, Number.NEGATIVE_INFINITY)
      return comes.latest(device, at, left) > left
    }
    const next = (device: number, at: number) => {
      if (isAvailable(device, at)) return at
      let come = comes.following(device, at)
      while (goes.latest(device, come, Number.NEGATIVE_INFINITY) === come) come = comes.following(device, come)
      return come
    }
    return {
      isAvailable,
      next,
      until: (device, at) => goes.following(device, at),
    }
  },
})

/** Draws below e⁻¹ are gaps that are longer than a cell: whole draws of 32 bits below this. */
const longest = Math.ceil(exp(-1) * 2 ** 32 - 0.5)
const pieces = 512
/** Exponential gaps, in cells, by their draw. The function is straight between two of them, which is exact to 10⁻⁵. */
const gaps = Float64Array.from({ length: pieces + 1 }, (_, piece) => -log(Math.max(piece, 1) / pieces))
const slopes = gaps.map((gap, piece) => (gaps[piece + 1] ?? 0) - gap)

/** The gap of a whole draw: its upper 9 bits name a piece, the others a place in it. */
function gapOf(draw: number): number {
  const piece = draw >>> 23
  return gaps[piece]! + ((draw & 0x7f_ffff) + 0.5) * 2 ** -23 * slopes[piece]!
}

/** Counts of a cell whose words are kept, and number of cells. */
const [keptCounts, keptCells] = [16, 4]

/**
 * A device's Poisson process of marks, at whole milliseconds. A cell's marks are drawn from its end to its beginning, as
 * gaps. Sixteen counts suffice for the gaps of a cell. All devices have the same words of counts, so those of the cells
 * that were looked at last are kept. A class, and one function for a look: a fleet looks at millions of devices.
 */
class Marks {
  readonly #keys: DeviceKeys
  readonly #cellMs: number
  readonly #cells = new Float64Array(keptCells).fill(Number.NaN)
  readonly #words = new Int32Array(keptCells * keptCounts)

  constructor(keys: DeviceKeys, meanMs: number) {
    this.#keys = keys
    this.#cellMs = Math.max(1, Math.round(meanMs))
  }

  /** The last mark up to `at`; some time up to `from` if there is none after `from`. */
  latest(device: number, at: number, from: number): number {
    const cellMs = this.#cellMs
    const key = mixed(device ^ this.#keys.device)
    const whole = Math.floor(at)
    let cell = Math.floor(whole / cellMs)
    let most = whole - cell * cellMs
    for (;;) {
      const place = this.#placeOf(cell)
      let mark = cellMs
      for (let count = 0; ; count++) {
        const draw = mixed(key ^ this.#wordOf(cell, place, count)) >>> 0
        if (draw < longest) break
        mark -= gapOf(draw) * cellMs
        if (mark >= most + 1) continue
        if (mark < 0) break
        return cell * cellMs + Math.floor(mark)
      }
      if (cell * cellMs <= from) return from
      cell--
      most = cellMs
    }
  }

  /** The first mark after `at`. */
  following(device: number, at: number): number {
    const cellMs = this.#cellMs
    const key = mixed(device ^ this.#keys.device)
    const whole = Math.floor(at)
    let cell = Math.floor(whole / cellMs)
    let least = whole - cell * cellMs
    for (;;) {
      const place = this.#placeOf(cell)
      let first = cellMs
      let mark = cellMs
      for (let count = 0; ; count++) {
        mark -= gapOf(mixed(key ^ this.#wordOf(cell, place, count)) >>> 0) * cellMs
        if (mark < least + 1) break
        first = Math.floor(mark)
      }
      if (first < cellMs) return cell * cellMs + first
      cell++
      least = -1
    }
  }

  /** The place of a cell's words. */
  #placeOf(cell: number): number {
    const kept = cell & (keptCells - 1)
    const place = kept * keptCounts
    if (this.#cells[kept] === cell) return place
    this.#cells[kept] = cell
    for (let count = 0; count < keptCounts; count++)
      this.#words[place + count] = wordOf(this.#keys, (cell << 4) + count)
    return place
  }

  #wordOf(cell: number, place: number, count: number): number {
    return count < keptCounts ? this.#words[place + count]! : wordOf(this.#keys, (cell << 4) + count)
  }
}
