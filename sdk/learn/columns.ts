/** Columns of a row-major table of `width` columns, as a table of their own. */
export function columnsOf(table: Float32Array, width: number, from: number, count: number): Float32Array {
  const rows = width === 0 ? 0 : table.length / width
  const taken = new Float32Array(rows * count)
  for (let row = 0; row < rows; row++)
    taken.set(table.subarray(row * width + from, row * width + from + count), row * count)
  return taken
}

/** Writes a table of `count` columns into columns of a row-major table of `width` columns. */
export function writeColumns(
  table: Float32Array,
  width: number,
  from: number,
  given: Float32Array,
  count: number,
): void {
  for (let row = 0; row * width < table.length; row++)
    table.set(given.subarray(row * count, (row + 1) * count), row * width + from)
}
