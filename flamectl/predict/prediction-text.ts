import type { Predicted } from './predict-workload.ts'

const rowsOfChunk = 1_000

/** Predictions as csv with a header, or as JSON on a line for each example, in texts of many lines. */
export function* predictionText(predicted: Predicted, isJson: boolean): Generator<string> {
  const { examples, predictions } = predicted
  const { shape, values, of, areProbabilities } = predictions
  const size = shape.reduce((product, length) => product * length, 1)
  const isChoice = of === 'classes'
  const decided = of === undefined ? undefined : isChoice ? shape.slice(0, -1) : shape
  const name = of === undefined ? 'value' : areProbabilities ? 'probability' : 'output'
  const named = (index: number): object => (examples.id ? { id: examples.id(index) } : { example: index })
  const labelOf = (index: number): object => (predicted.labelled ? { label: examples.label(index) } : {})
  const classesOf = (row: Float32Array): number[] => {
    if (of === undefined) return []
    if (!isChoice) return Array.from(row, (value) => Number(value > (areProbabilities ? 0.5 : 0)))
    const width = shape.at(-1) ?? 1
    return Array.from({ length: size / width }, (_, at) => highest(row.subarray(at * width, (at + 1) * width)))
  }

  function jsonRow(index: number, row: Float32Array): string {
    const [only, ...others] = classesOf(row)
    const found = only === undefined ? {} : others.length === 0 ? { class: only } : { classes: [only, ...others] }
    const numbers = Array.from(row, (value) => Number(digits(value)))
    const plural = name === 'probability' ? 'probabilities' : `${name}s`
    return JSON.stringify({ ...named(index), ...labelOf(index), ...found, [plural]: numbers })
  }
  function csvRow(index: number, row: Float32Array): string {
    const fields = [...Object.values(named(index)), ...Object.values(labelOf(index)), ...classesOf(row)]
    return [...fields.map((field) => quoted(String(field))), ...Array.from(row, digits)].join(',')
  }

  let lines: string[] = []
  if (!isJson) {
    const decisions = decided ? columns('class', decided) : []
    const begin = [examples.id ? 'id' : 'example', ...(predicted.labelled ? ['label'] : [])]
    lines.push([...begin, ...decisions, ...columns(name, shape)].join(','))
  }
  for (let index = 0; index < examples.count; index++) {
    const row = values.subarray(index * size, (index + 1) * size)
    lines.push(isJson ? jsonRow(index, row) : csvRow(index, row))
    if (lines.length < rowsOfChunk) continue
    yield `${lines.join('\n')}\n`
    lines = []
  }
  if (lines.length > 0) yield `${lines.join('\n')}\n`
}

/** The name alone for a single value; else the name with the index of each value, such as `probability-3`. */
function columns(name: string, shape: readonly number[]): string[] {
  const indices = shape.reduce<string[]>(
    (before, length) => before.flatMap((text) => Array.from({ length }, (_, at) => `${text}-${at}`)),
    [''],
  )
  return indices.length === 1 ? [name] : indices.map((index) => name + index)
}

/** The first highest value, as a loss finds the class. */
function highest(row: Float32Array): number {
  let best = 0
  for (const [at, value] of row.entries()) if (value > (row[best] ?? Number.NaN)) best = at
  return best
}

/** As many digits as tell a float32 from all others. */
function digits(value: number): string {
  return String(Number(value.toPrecision(9)))
}

function quoted(field: string): string {
  return /[",\n\r]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field
}
