/** Numbers are ranked by counting: first by the upper half of their bits, then by the lower half. NaN has no rank. */
const half = 2 ** 16

/** Of so few rows, a comparison of each with others is faster. */
const fewRows = 4096

/** Unsigned integers in the order of the numbers. */
function keysOf(numbers: Float32Array): (index: number) => number {
  const bits = new Int32Array(numbers.buffer, numbers.byteOffset, numbers.length)
  return (index) => {
    const each = bits[index]!
    return (each < 0 ? ~each : each | 0x80000000) >>> 0
  }
}

/** The number of a rank, from 0, in ascending order. NaN if fewer numbers are there. */
export function numberAtRank(numbers: Float32Array, rank: number): number {
  const keyOf = keysOf(numbers)
  const upper = new Uint32Array(half)
  for (let index = 0; index < numbers.length; index++) if (!Number.isNaN(numbers[index])) upper[keyOf(index) >>> 16]!++
  const place = placeIn(upper, rank)
  if (!place) return Number.NaN
  const lower = new Uint32Array(half)
  // One number of each lower half: all of them are the same.
  const found = new Uint32Array(half)
  for (let index = 0; index < numbers.length; index++) {
    const key = keyOf(index)
    if (key >>> 16 !== place.at || Number.isNaN(numbers[index])) continue
    lower[key % half]!++
    found[key % half] = index
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

/** Rows in the order of their numbers, of equal ones in their own order. `rows` are ascending, and none has NaN. */
export function rowsByNumber(rows: Uint32Array, numbers: Float32Array): Uint32Array {
  if (rows.length <= fewRows) return rows.toSorted((a, b) => numbers[a]! - numbers[b]! || a - b)
  const keyOf = keysOf(numbers)
  const byLower = sortedBy(rows, (row) => keyOf(row) % half)
  return sortedBy(byLower, (row) => keyOf(row) >>> 16)
}

function sortedBy(rows: Uint32Array, partOf: (row: number) => number): Uint32Array {
  const starts = new Uint32Array(half + 1)
  for (const row of rows) starts[partOf(row) + 1]!++
  for (let at = 1; at < starts.length; at++) starts[at]! += starts[at - 1]!
  const sorted = new Uint32Array(rows.length)
  for (const row of rows) sorted[starts[partOf(row)]!++] = row
  return sorted
}
