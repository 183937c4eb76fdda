import { normal } from '../random/distributions.ts'
import type { RandomStream } from '../random/random-stream.ts'
import { sizeOf } from '../weights/layout.ts'

/**
 * A random matrix, row-major, whose rows are orthogonal to each other and of length `gain`, or its columns, if there are fewer of
 * these. All dimensions but the last are rows. It is uniform among such matrices: normal draws, made orthogonal by Gram and
 * Schmidt, each time twice, which leaves nothing but rounding of the first time's error. Float64 sums in a fixed order give the
 * same bits on every machine.
 *
 * @see Saxe et al., Exact solutions to the nonlinear dynamics of learning in deep linear neural networks, ICLR 2014.
 */
export function orthogonal(shape: readonly number[], gain: number, random: RandomStream): Float32Array {
  const columns = shape.at(-1) ?? 1
  const rows = sizeOf(shape) / columns
  const [count, length] = rows < columns ? [rows, columns] : [columns, rows]
  const vectors: Float64Array[] = []
  while (vectors.length < count) {
    const vector = Float64Array.from({ length }, () => normal(random))
    const drawn = Math.sqrt(dot(vector, vector))
    for (const other of [...vectors, ...vectors]) {
      const along = dot(vector, other)
      for (let i = 0; i < length; i++) vector[i] = (vector[i] ?? 0) - along * (other[i] ?? 0)
    }
    const left = Math.sqrt(dot(vector, vector))
    // Of a vector that lies among the others only rounding is left: another is drawn.
    if (left > 1e-9 * drawn) vectors.push(vector.map((value) => value / left))
  }
  const values = new Float32Array(rows * columns)
  const [perVector, perValue] = rows < columns ? [columns, 1] : [1, columns]
  for (const [index, vector] of vectors.entries()) {
    for (let i = 0; i < length; i++) values[index * perVector + i * perValue] = gain * (vector[i] ?? 0)
  }
  return values
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0)
  return sum
}
