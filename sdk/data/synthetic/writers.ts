import { dirichlet, normal } from '../../random/distributions.ts'
import { exp } from '../../random/elementary.ts'
import { type RandomStream, randomStream } from '../../random/random-stream.ts'
import { inMemoryExamples } from '../in-memory-examples.ts'
import { checkCount, checkFrom, normals, type SyntheticRequest, synthetic } from './synthetic.ts'

export interface SyntheticWritersRequest extends SyntheticRequest {
  /** Number of signs. Default: 62, as letters and digits. */
  readonly classes?: number
  /** How much the styles of writers differ, from 0: 0 is one style for all. Default: 1. */
  readonly style?: number
  /** α of a symmetric Dirichlet distribution from which each writer's shares of the signs are drawn. Default: equal shares. */
  readonly alpha?: number
}

/** Pictures have this many pixels in each direction. */
const side = 28
/** Points of a sign's line, from one to the next. */
const points = 5

/**
 * Pictures of signs by many writers, in the form of FEMNIST: 28 × 28 bytes, one of 62 classes. **No handwriting**: each
 * class is a random line of four strokes, which every writer draws in a style of the writer's own (slant, turn, width,
 * height, place, thickness), and a little differently each time. The pictures show what FEMNIST is used to show, clients
 * with the same classes and other features, without a download; accuracies on the two don't compare. Numbers of examples
 * are log-normal with the mean of 227 and the deviation of 89 that LEAF counts for FEMNIST, at most 2,000.
 *
 * @see Caldas et al., LEAF: A Benchmark for Federated Settings, 2018, for FEMNIST and its numbers.
 * @throws DATA_CLIENTS, DATA_SIZES, DATA_SETTING
 */
export function syntheticWriters(request: SyntheticWritersRequest) {
  const { classes = 62, style = 1, alpha } = request
  checkCount('classes', classes, 2)
  checkFrom('style', style, 0)
  if (alpha !== undefined) checkFrom('alpha', alpha, Number.MIN_VALUE)
  const sharesOf = (seed: number, client: number) =>
    alpha === undefined ? undefined : dirichlet(randomStream(seed, 'shares', client), alpha, classes)
  return synthetic(request, {
    usualSize: (random) => Math.max(1, Math.min(2_000, Math.round(211 * exp(0.378 * normal(random))))),
    sourceOf(seed, client) {
      const shares = sharesOf(seed, client)
      const writer = writerOf(randomStream(seed, 'client', client), style)
      return (count, stream) => {
        const features = new Uint8Array(count * side * side)
        const labels = new Float32Array(count)
        for (let row = 0; row < count; row++) {
          const label = shares ? drawn(shares, stream) : stream.below(classes)
          labels[row] = label
          const line = writer(signOf(seed, label), stream)
          draw(line, features.subarray(row * side * side, (row + 1) * side * side))
        }
        return inMemoryExamples({ features, labels, shape: [side, side, 1] })
      }
    },
    ...(alpha !== undefined && {
      label(seed: number, client: number) {
        const shares = sharesOf(seed, client) ?? new Float64Array()
        return shares.indexOf(shares.reduce((most, share) => Math.max(most, share), 0))
      },
    }),
  })
}

/** A line through points, as x and y from −1 to 1 in turn, and half of its thickness in pixels. */
interface Line {
  readonly places: Float64Array
  readonly radius: number
}

/** The line of a class, which all writers draw. */
function signOf(seed: number, label: number): Float64Array {
  const stream = randomStream(seed, 'class', label)
  return Float64Array.from({ length: 2 * points }, () => 1.4 * stream.uniform() - 0.7)
}

/** A writer's way to draw a line. */
function writerOf(stream: RandomStream, style: number): (sign: Float64Array, stream: RandomStream) => Line {
  const some = (deviation: number) => style * deviation * normal(stream)
  const [slant, turn] = [some(0.3), some(0.1)]
  const [width, height] = [exp(some(0.15)), exp(some(0.15))]
  const [right, down] = [some(0.08), some(0.08)]
  const radius = exp(some(0.3))
  return (sign, each) => {
    const places = new Float64Array(sign.length)
    const wobbles = normals(each, sign.length, 0, 0.04)
    for (let at = 0; at < sign.length; at += 2) {
      const x = (sign[at] ?? 0) + (wobbles[at] ?? 0)
      const y = (sign[at + 1] ?? 0) + (wobbles[at + 1] ?? 0)
      places[at] = width * (x + slant * y) - turn * y + right
      places[at + 1] = height * y + turn * x + down
    }
    return { places, radius }
  }
}

/** Draws a line in shades of grey: full up to its radius, fading over one pixel. */
function draw({ places, radius }: Line, picture: Uint8Array): void {
  const half = side / 2
  for (let at = 0; at + 3 < places.length; at += 2) {
    const [x, y] = [half + half * (places[at] ?? 0), half + half * (places[at + 1] ?? 0)]
    const [dx, dy] = [half + half * (places[at + 2] ?? 0) - x, half + half * (places[at + 3] ?? 0) - y]
    const square = dx * dx + dy * dy
    const reach = radius + 1
    const bound = (value: number) => Math.max(0, Math.min(side, Math.floor(value)))
    const lastRow = bound(Math.max(y, y + dy) + reach + 1)
    const lastColumn = bound(Math.max(x, x + dx) + reach + 1)
    for (let row = bound(Math.min(y, y + dy) - reach); row < lastRow; row++)
      for (let column = bound(Math.min(x, x + dx) - reach); column < lastColumn; column++) {
        const [px, py] = [column + 0.5 - x, row + 0.5 - y]
        const along = square > 0 ? Math.max(0, Math.min(1, (px * dx + py * dy) / square)) : 0
        const [ox, oy] = [px - along * dx, py - along * dy]
        const shade = Math.min(1, reach - Math.sqrt(ox * ox + oy * oy))
        const place = row * side + column
        if (shade > 0) picture[place] = Math.max(picture[place] ?? 0, Math.round(255 * shade))
      }
  }
}

/** Draws a class by shares. */
function drawn(shares: Float64Array, stream: RandomStream): number {
  let left = stream.uniform()
  for (let label = 0; label < shares.length; label++) {
    left -= shares[label] ?? 0
    if (left < 0) return label
  }
  return shares.indexOf(shares.reduce((most, share) => Math.max(most, share), 0))
}
