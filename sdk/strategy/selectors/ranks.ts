/**
 * Ranks of float32 numbers that are at least 0, in ascending order, by counting: first by the upper half of their bits,
 * then by the lower half. NaN comes last. The loops have no branch that depends on the number: a branch that is taken at
 * random takes longer than all else.
 */
const half = 2 ** 16
/** Of so few rows, a comparison of each with others is faster. */
const fewRows = 4096

/** The bits of numbers without their signs: they are in the order of the numbers, and those of NaN are the greatest. */
const bitsOf = ({ buffer, byteOffset, length }: Float32Array) => new Int32Array(buffer, byteOffset, length)
const keyOf = (bits: number) => bits & 0x7fffffff
const infinity = 0x7f800000
/** 1 for the bits of a number, 0 for those of NaN. */
const isKnown = (bits: number) => 1 + ((infinity - keyOf(bits)) >> 31)

/** How many numbers aren't NaN. */
export function numberOfKnown(numbers: Float32Array): number {
  const bits = bitsOf(numbers)
  let known = 0
  for (let index = 0; index < bits.length; index++) known += isKnown(bits[index]!)
  return known
}

/** The rows whose numbers aren't NaN. */
export function knownRows(numbers: Float32Array): Uint32Array {
  const bits = bitsOf(numbers)
  const rows = new Uint32Array(bits.length + 1)
  let known = 0
  for (let row = 0; row < bits.length; row++) {
    // Stays if the number is known, otherwise the next row takes its place.
    rows[known] = row
    known += isKnown(bits[row]!)
  }
  return rows.subarray(0, known)
}

/** The number of a rank, from 0. NaN if fewer numbers are there. */
export function numberAtRank(numbers: Float32Array, rank: number): number {
  const bits = bitsOf(numbers)
  const upper = new Uint32Array(half / 2)
  for (let index = 0; index < bits.length; index++) upper[keyOf(bits[index]!) >>> 16]!++
  const place = placeIn(upper, rank)
  if (!place) return Number.NaN
  const lower = new Uint32Array(half)
  // Of each lower half the place of one number: all of them are the same.
  const found = new Uint32Array(half)
  for (let index = 0; index < bits.length; index++) {
    const key = keyOf(bits[index]!)
    if (key >>> 16 !== place.at) continue
    lower[key & 0xffff]!++
    found[key & 0xffff] = index
  }
  return numbers[found[placeIn(lower, place.rest)?.at ?? 0]!]!
}

/** Where a rank lies among counts, and the rank there. */
function placeIn(counts: Uint32Array, rank: number): { readonly at: number; readonly rest: number } | undefined {
  if (rank < 0) return undefined
  let rest = rank
  for (let at = 0; at < counts.length; at++) {
    if (rest < counts[at]!) return { at, rest }
    rest -= counts[at]!
  }
  return undefined
}

/** Rows in the order of their numbers, of equal ones in their own order. `rows` are ascending. None has NaN. */
export function rowsByNumber(rows: Uint32Array, numbers: Float32Array): Uint32Array {
  if (rows.length <= fewRows) return rows.toSorted((a, b) => numbers[a]! - numbers[b]! || a - b)
  const bits = bitsOf(numbers)
  const byLower = sortedBy(rows, (row) => keyOf(bits[row]!) & 0xffff)
  return sortedBy(byLower, (row) => keyOf(bits[row]!) >>> 16)
}

function sortedBy(rows: Uint32Array, partOf: (row: number) => number): Uint32Array {
  const starts = new Uint32Array(half + 1)
  for (const row of rows) starts[partOf(row) + 1]!++
  for (let at = 1; at < starts.length; at++) starts[at]! += starts[at - 1]!
  const sorted = new Uint32Array(rows.length)
  for (const row of rows) sorted[starts[partOf(row)]!++] = row
  return sorted
}
