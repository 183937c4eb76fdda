/** Coordinates in a block: the rows of some ten members fit into a processor's second cache. */
const blockSize = 4096

/**
 * Sorts the members' values of each coordinate, block by block, and lets `write` make the results of the block. In a
 * block, row r has the r-th smallest value of each coordinate, for the first `count` coordinates of the rows.
 *
 * Rows are sorted by a network of compare-exchanges, so that a pass is a plain loop over typed arrays, without a
 * comparison function and without a branch on data: a sort for each coordinate takes some ten times as long.
 *
 * @see Batcher, Sorting networks and their applications, AFIPS 1968: the odd-even merge, for any number of rows.
 */
export function forSortedBlocks(
  deltas: readonly Float32Array[],
  write: (rows: readonly Float32Array[], start: number, count: number) => void,
): void {
  const size = deltas[0]?.length ?? 0
  const rows = deltas.map(() => new Float32Array(Math.min(blockSize, size)))
  const exchanges = networkOf(deltas.length)
  for (let start = 0; start < size; start += blockSize) {
    const count = Math.min(blockSize, size - start)
    for (const [member, delta] of deltas.entries()) rows[member]!.set(delta.subarray(start, start + count))
    for (const [low, high] of exchanges) exchange(rows[low]!, rows[high]!, count)
    write(rows, start, count)
  }
}

function exchange(low: Float32Array, high: Float32Array, count: number): void {
  for (let i = 0; i < count; i++) {
    const a = low[i]!
    const b = high[i]!
    low[i] = a < b ? a : b
    high[i] = a < b ? b : a
  }
}

/** The pairs of rows to compare and exchange, in order. */
function networkOf(rows: number): readonly (readonly [number, number])[] {
  const pairs: [number, number][] = []
  for (let p = 1; p < rows; p *= 2)
    for (let k = p; k >= 1; k /= 2)
      for (let j = k % p; j <= rows - 1 - k; j += 2 * k)
        for (let i = 0; i <= Math.min(k - 1, rows - j - k - 1); i++)
          if (Math.floor((i + j) / (p * 2)) === Math.floor((i + j + k) / (p * 2))) pairs.push([i + j, i + j + k])
  return pairs
}

/** For each coordinate the mean of the values of ranks `from` to `to` − 1, of the smallest first, in float64. */
export function meanOfRanks(deltas: readonly Float32Array[], from: number, to: number): Float32Array {
  const result = new Float32Array(deltas[0]?.length ?? 0)
  const sums = new Float64Array(Math.min(blockSize, result.length))
  forSortedBlocks(deltas, (rows, start, count) => {
    sums.fill(0)
    for (const row of rows.slice(from, to)) for (let i = 0; i < count; i++) sums[i]! += row[i]!
    for (let i = 0; i < count; i++) result[start + i] = sums[i]! / (to - from)
  })
  return result
}

/** For each coordinate the median. With an even number of values the mean of the two in the middle. */
export function medianOf(deltas: readonly Float32Array[]): Float32Array {
  return meanOfRanks(deltas, Math.floor((deltas.length - 1) / 2), Math.floor(deltas.length / 2) + 1)
}
