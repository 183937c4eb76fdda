import { exp, log } from '../random/elementary.ts'

/** Adds the gradient of the result, as this input has it, to the input's own. */
type Pull = (gradient: Float64Array, into: (input: number) => Float64Array) => void

/**
 * A table of float64 numbers, row-major, that remembers how it was made, so that the gradient of a sum of its values is
 * known by each table that it was made from. Operations add and multiply in a fixed order, and have their own exp and log:
 * the same tables give the same bits everywhere. Operations of two tables repeat a table of one row, of one column, or
 * of both, as often as the other one needs.
 */
export class Differentiable {
  readonly rows: number
  readonly columns: number
  /** Read-only. */
  readonly values: Float64Array
  readonly #inputs: readonly Differentiable[]
  readonly #pull: Pull | undefined

  constructor(
    rows: number,
    columns: number,
    values: Float64Array,
    inputs: readonly Differentiable[] = [],
    pull?: Pull,
  ) {
    if (values.length !== rows * columns)
      throw new RangeError(`a table of ${rows} × ${columns} needs ${rows * columns} values, not ${values.length}`)
    this.rows = rows
    this.columns = columns
    this.values = values
    this.#inputs = inputs
    this.#pull = pull
  }

  plus(other: Differentiable | number): Differentiable {
    return this.#with(
      other,
      (a, b) => a + b,
      () => 1,
      () => 1,
    )
  }

  minus(other: Differentiable | number): Differentiable {
    return this.#with(
      other,
      (a, b) => a - b,
      () => 1,
      () => -1,
    )
  }

  times(other: Differentiable | number): Differentiable {
    return this.#with(
      other,
      (a, b) => a * b,
      (_, b) => b,
      (a) => a,
    )
  }

  over(other: Differentiable | number): Differentiable {
    return this.#with(
      other,
      (a, b) => a / b,
      (_, b) => 1 / b,
      (a, b) => -a / (b * b),
    )
  }

  /** The larger of two values. Of equal ones the first has the gradient. */
  atLeast(other: Differentiable | number): Differentiable {
    return this.#with(
      other,
      (a, b) => (a >= b ? a : b),
      (a, b) => (a >= b ? 1 : 0),
      (a, b) => (a >= b ? 0 : 1),
    )
  }

  negative(): Differentiable {
    return this.times(-1)
  }

  exp(): Differentiable {
    return this.#each(exp, (_, y) => y)
  }

  log(): Differentiable {
    return this.#each(log, (x) => 1 / x)
  }

  /** The gradient is 0 where the value is 0. */
  sqrt(): Differentiable {
    return this.#each(Math.sqrt, (_, y) => (y === 0 ? 0 : 0.5 / y))
  }

  square(): Differentiable {
    return this.#each(
      (x) => x * x,
      (x) => 2 * x,
    )
  }

  abs(): Differentiable {
    return this.#each(Math.abs, Math.sign)
  }

  sigmoid(): Differentiable {
    return this.#each(
      (x) => 1 / (1 + exp(-x)),
      (_, y) => y * (1 - y),
    )
  }

  tanh(): Differentiable {
    return this.times(2).sigmoid().times(2).minus(1)
  }

  /** log(1 + eˣ), without an overflow. */
  softplus(): Differentiable {
    return this.#each(
      (x) => (x > 0 ? x + log(1 + exp(-x)) : log(1 + exp(x))),
      (x) => 1 / (1 + exp(-x)),
    )
  }

  /** The sum of each row: one column. */
  sum(): Differentiable {
    const { rows, columns, values } = this
    const sums = new Float64Array(rows)
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++) sums[row]! += values[row * columns + column]!
    return new Differentiable(rows, 1, sums, [this], (gradient, into) => {
      const own = into(0)
      for (let at = 0; at < own.length; at++) own[at]! += gradient[Math.floor(at / columns)]!
    })
  }

  mean(): Differentiable {
    return this.sum().over(this.columns)
  }

  /** log Σ eˣ of each row, without an overflow: one column. */
  logSumExp(): Differentiable {
    const { rows, columns, values } = this
    const most = Float64Array.from({ length: rows }, (_, row) => {
      let largest = Number.NEGATIVE_INFINITY
      for (let column = 0; column < columns; column++) largest = Math.max(largest, values[row * columns + column]!)
      return largest
    })
    const shift = new Differentiable(rows, 1, most)
    return this.minus(shift).exp().sum().log().plus(shift)
  }

  /** Each row divided by its length. A row of zeros stays. */
  normalized(): Differentiable {
    const lengths = this.square().sum().sqrt()
    return this.over(lengths.plus(constant(lengths, (length) => (length === 0 ? 1 : 0))))
  }

  transposed(): Differentiable {
    const { rows, columns, values } = this
    const turned = new Float64Array(values.length)
    const move = (from: Float64Array, to: Float64Array, height: number, width: number) => {
      for (let at = 0; at < from.length; at++) to[(at % width) * height + Math.floor(at / width)]! += from[at]!
    }
    move(values, turned, rows, columns)
    return new Differentiable(columns, rows, turned, [this], (gradient, into) => move(gradient, into(0), columns, rows))
  }

  /** The product of two matrices. */
  product(other: Differentiable): Differentiable {
    if (other.rows !== this.columns)
      throw new RangeError(`${this.columns} columns can't be multiplied with ${other.rows} rows`)
    const values = multiplied(this, other)
    return new Differentiable(this.rows, other.columns, values, [this, other], (gradient, into) => {
      const slope = new Differentiable(this.rows, other.columns, gradient)
      addTo(into(0), multiplied(slope, other.transposed()))
      addTo(into(1), multiplied(this.transposed(), slope))
    })
  }

  /** `count` columns from `from` on. */
  columnsFrom(from: number, count: number): Differentiable {
    const { rows, columns, values } = this
    const placeOf = (at: number) => Math.floor(at / count) * columns + from + (at % count)
    const taken = Float64Array.from({ length: rows * count }, (_, at) => values[placeOf(at)] ?? Number.NaN)
    return new Differentiable(rows, count, taken, [this], (gradient, into) => {
      const own = into(0)
      for (let at = 0; at < gradient.length; at++) own[placeOf(at)]! += gradient[at]!
    })
  }

  /** Of each row, the value in the column that a table of one column names: one column. */
  at(column: Differentiable): Differentiable {
    const { rows, columns, values } = this
    const placeOf = (row: number) => row * columns + (column.values[row] ?? Number.NaN)
    const taken = Float64Array.from({ length: rows }, (_, row) => values[placeOf(row)] ?? Number.NaN)
    return new Differentiable(rows, 1, taken, [this], (gradient, into) => {
      const own = into(0)
      for (let row = 0; row < rows; row++) own[placeOf(row)]! += gradient[row]!
    })
  }

  /** The same values, of which no gradient is known. */
  fixed(): Differentiable {
    return new Differentiable(this.rows, this.columns, this.values)
  }

  /** The gradients of Σ factor·value, with a factor for each row, by given tables. Zeros for one that had no part. */
  gradients(by: readonly Differentiable[], factors: Float64Array): readonly Float64Array[] {
    const order: Differentiable[] = []
    const seen = new Set<Differentiable>()
    const visit = (node: Differentiable) => {
      if (seen.has(node)) return
      seen.add(node)
      for (const input of node.#inputs) visit(input)
      order.push(node)
    }
    visit(this)
    const found = new Map<Differentiable, Float64Array>()
    const of = (node: Differentiable) => {
      const known = found.get(node) ?? new Float64Array(node.values.length)
      found.set(node, known)
      return known
    }
    const begin = of(this)
    for (let at = 0; at < begin.length; at++) begin[at] = factors[Math.floor(at / this.columns)]!
    for (const node of order.toReversed()) node.#pull?.(of(node), (input) => of(node.#inputs[input] ?? node))
    return by.map(of)
  }

  #each(value: (x: number) => number, slope: (x: number, y: number) => number): Differentiable {
    const { rows, columns, values } = this
    const results = values.map(value)
    return new Differentiable(rows, columns, results, [this], (gradient, into) => {
      const own = into(0)
      for (let at = 0; at < own.length; at++) own[at]! += gradient[at]! * slope(values[at]!, results[at]!)
    })
  }

  #with(
    given: Differentiable | number,
    value: (a: number, b: number) => number,
    slopeA: (a: number, b: number) => number,
    slopeB: (a: number, b: number) => number,
  ): Differentiable {
    const other = typeof given === 'number' ? new Differentiable(1, 1, Float64Array.of(given)) : given
    const [rows, columns] = [Math.max(this.rows, other.rows), Math.max(this.columns, other.columns)]
    const [a, b] = [reader(this, rows, columns), reader(other, rows, columns)]
    const results = new Float64Array(rows * columns)
    for (let at = 0; at < results.length; at++) results[at] = value(this.values[a(at)]!, other.values[b(at)]!)
    return new Differentiable(rows, columns, results, [this, other], (gradient, into) => {
      const [ofA, ofB] = [into(0), into(1)]
      for (let at = 0; at < results.length; at++) {
        const [x, y] = [this.values[a(at)]!, other.values[b(at)]!]
        ofA[a(at)]! += gradient[at]! * slopeA(x, y)
        ofB[b(at)]! += gradient[at]! * slopeB(x, y)
      }
    })
  }
}

/** A table with a value for each value of another one, without a gradient. */
export function constant(
  { rows, columns, values }: Differentiable,
  of: (value: number, at: number) => number,
): Differentiable {
  return new Differentiable(rows, columns, values.map(of))
}

/** The place in a table, for a place in a table of other lengths. @throws RangeError where the lengths don't fit. */
function reader(table: Differentiable, rows: number, columns: number): (at: number) => number {
  const fits = (own: number, needed: number) => own === needed || own === 1
  if (!fits(table.rows, rows) || !fits(table.columns, columns))
    throw new RangeError(`a table of ${table.rows} × ${table.columns} doesn't fit one of ${rows} × ${columns}`)
  const [down, across] = [table.rows === 1 ? 0 : table.columns, table.columns === 1 ? 0 : 1]
  return (at) => Math.floor(at / columns) * down + (at % columns) * across
}

function multiplied(a: Differentiable, b: Differentiable): Float64Array {
  const values = new Float64Array(a.rows * b.columns)
  for (let row = 0; row < a.rows; row++)
    for (let inner = 0; inner < a.columns; inner++) {
      const factor = a.values[row * a.columns + inner]!
      for (let column = 0; column < b.columns; column++)
        values[row * b.columns + column]! += factor * b.values[inner * b.columns + column]!
    }
  return values
}

function addTo(target: Float64Array, added: Float64Array): void {
  for (let at = 0; at < target.length; at++) target[at]! += added[at]!
}
