import { type Collector, type CollectorSettings, collector } from '../collector.ts'
import { dataError } from '../errors.ts'
import type { Examples } from '../examples.ts'

export interface CsvSettings extends Partial<CollectorSettings> {
  /** The column of labels: a name of the header, or a number from 0. */
  readonly label: string | number
  /** Whether the first row names the columns. Default true. */
  readonly header?: boolean
  /** The columns of features, in order. Default: all but the label. */
  readonly features?: readonly (string | number)[]
  /** What labels stand for class 0, 1, …. Without it labels are numbers. */
  readonly classes?: readonly string[]
  /** Default `,`. */
  readonly delimiter?: string
}

interface Columns {
  readonly names: readonly string[]
  readonly label: number
  readonly features: readonly number[]
}

/** Takes the rows of a csv file one by one, the header first. */
export function csvTable(file: string, settings: CsvSettings) {
  const { header = true, classes } = settings
  const classOf = classes && new Map(classes.map((name, index) => [name, index]))
  let columns: Columns | undefined
  let examples: Collector | undefined

  function add(fields: readonly string[], line: number): void {
    const row = fields.map((field) => field.trim())
    if (!columns || !examples) {
      columns = columnsOf(header ? row : row.map((_, index) => String(index)), file, settings)
      examples = collector({ ...settings, shape: settings.shape ?? [columns.features.length] }, file)
      if (header) return
    }
    const { names, label, features } = columns
    const fault = (index: number, reason: string) => dataError('DATA_CSV', { file, line, column: names[index], reason })
    if (row.length !== names.length) {
      throw fault(Math.min(row.length, names.length) - 1, `the row has ${row.length} fields, not ${names.length}`)
    }
    const number = (index: number) => {
      const value = numberIn(row[index] ?? '')
      if (value === undefined) throw fault(index, `'${row[index]}' is no number that float32 can hold`)
      return value
    }
    const target = classOf ? classOf.get(row[label] ?? '') : number(label)
    if (target === undefined) throw fault(label, `'${row[label]}' is none of the classes ${classes?.join(', ')}`)
    examples.add(features.map(number), target)
  }
  return {
    add,
    examples(): Examples {
      if (examples) return examples.examples()
      const expected = header ? 'a header' : 'a row'
      throw dataError('DATA_CSV', { file, line: 1, column: 0, reason: `there is nothing, not even ${expected}` })
    },
  }
}

function columnsOf(names: readonly string[], file: string, { label, features }: CsvSettings): Columns {
  const indexOf = (column: string | number) => {
    const index = typeof column === 'number' ? column : names.indexOf(column)
    if (names[index] === undefined || (typeof column === 'string' && index !== names.lastIndexOf(column))) {
      throw dataError('DATA_CSV_COLUMN', { file, column, known: names.join(', ') })
    }
    return index
  }
  const labelAt = indexOf(label)
  return {
    names,
    label: labelAt,
    features: features?.map(indexOf) ?? [...names.keys()].filter((index) => index !== labelAt),
  }
}

/** Decimal digits with point and exponent; not what else Number() takes, such as nothing, or 0x10. */
function numberIn(text: string): number | undefined {
  if (!/^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i.test(text)) return undefined
  const value = Number(text)
  return Number.isFinite(Math.fround(value)) ? value : undefined
}
