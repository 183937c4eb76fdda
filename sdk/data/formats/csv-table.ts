import { type Collector, type CollectorSettings, collector } from '../collector.ts'
import { dataError } from '../errors.ts'
import type { Examples } from '../examples.ts'
import { type CsvRowSettings, quotesAdvice, shown } from './csv-rows.ts'

export interface CsvSettings extends Partial<Omit<CollectorSettings, 'nonFinite'>>, CsvRowSettings {
  /** The column of labels: a name of the header, or a number from 0. */
  readonly label: string | number
  /** Whether the first row names the columns. Default true. */
  readonly header?: boolean
  /** The columns of features, in order. Default: all but the label. */
  readonly features?: readonly (string | number)[]
  /** The label texts of class 0, 1, …. Absent: labels are numbers. */
  readonly classes?: readonly string[]
  /** The decimal mark of numbers. Default `.`. */
  readonly decimal?: '.' | ','
  /** The text's encoding, as `TextDecoder` names it. Default `utf-8`. UTF-16 is recognized by its byte order mark. */
  readonly encoding?: string
  /**
   * The treatment of a missing value (an empty field, NA, N/A, #N/A, NaN, null, None or ?): `refuse` refuses the file
   * (the default), `drop` drops the row, `mean` fills in the mean of the column's other values, a number fills in this
   * number. A row without a label is dropped with `drop`, and refused otherwise.
   */
  readonly missing?: 'refuse' | 'drop' | 'mean' | number
}

interface Columns {
  readonly names: readonly string[]
  readonly label: number
  readonly features: readonly number[]
}

const missingValues = new Set(['', 'na', 'n/a', '#n/a', 'nan', 'null', 'none', '?'])

/** Takes the rows of a csv file one by one, header first. @throws DATA_SETTING, DATA_DIVISOR */
export function csvTable(file: string, settings: CsvSettings) {
  const { header = true, classes, decimal = '.', missing = 'refuse' } = settings
  checkChoices(missing, decimal)
  const classOf = classes && new Map(classes.map((name, index) => [name, index]))
  const isMissing = (field: string) => missingValues.has(field.toLowerCase())
  let columns: Columns | undefined
  let examples: Collector | undefined
  let means: ColumnMeans | undefined
  let count = 0

  function add(fields: readonly string[], line: number): void {
    const row = fields.map((field) => field.trim())
    if (!columns || !examples) {
      columns = columnsOf(header ? row : row.map((_, index) => String(index)), file, settings)
      const shape = settings.shape ?? [columns.features.length]
      examples = collector({ ...settings, shape, nonFinite: 'keep' }, file)
      means = columnMeans(columns)
      if (header) return
    }
    const { names, label, features } = columns
    const fault = (index: number, reason: string, advice: string) =>
      dataError('DATA_CSV', { file, line, column: columnName(names, index), reason, advice })
    if (row.length !== names.length) {
      const reason = `the row has ${row.length} field${row.length === 1 ? '' : 's'}, not ${names.length}`
      throw fault(Math.min(row.length, names.length) - 1, reason, quotesAdvice)
    }
    const number = (index: number, field = row[index] ?? '') => {
      const value = numberIn(field, decimal)
      if (value !== undefined) return value
      if (isMissing(field)) throw fault(index, `the value is missing${field && ` (${shown(field)})`}`, missingAdvice)
      if (decimal === '.' && numberIn(field, ',') !== undefined)
        throw fault(index, `${shown(field)} has a decimal comma`, "give decimal: ','")
      throw fault(index, `${shown(field)} is no number that float32 can hold`, numberAdvice)
    }
    const isGap = (index: number) => isMissing(row[index] ?? '')
    if (missing === 'drop' && ((isGap(label) && !classOf?.has(row[label] ?? '')) || features.some(isGap))) return
    const target = classOf ? classOf.get(row[label] ?? '') : number(label)
    if (target === undefined) {
      const known = listed(classes ?? [])
      throw fault(
        label,
        `${shown(row[label] ?? '')} is none of the classes ${known}`,
        'correct the label, or the classes',
      )
    }
    const values = features.map((index) => {
      if (!isGap(index) || missing === 'refuse' || missing === 'drop') return number(index)
      return missing === 'mean' ? Number.NaN : missing
    })
    if (missing === 'mean') means?.add(values, count)
    examples.add(values, target)
    count++
  }
  return {
    add,
    examples(): Examples {
      if (!examples) {
        const reason = `the file is empty: expected a ${header ? 'header' : 'row'}`
        throw dataError('DATA_CSV', { file, line: 1, column: 0, reason, advice: 'give a file with rows' })
      }
      for (const { example, feature, value } of means?.fillings(file) ?? []) examples.replace(example, feature, value)
      return examples.examples()
    },
  }
}

const missingAdvice = "correct the field, or set missing to 'drop' such rows, or to fill in the 'mean' or a number"
const numberAdvice =
  'correct the field, leave the column out of features, or, for a label, list the texts of its classes in classes'

interface ColumnMeans {
  /** Takes an example's features, where NaN marks a missing feature. */
  add(values: readonly number[], example: number): void
  /** The means to fill in, with example and feature. @throws DATA_CSV for a column without a value. */
  fillings(file: string): { readonly example: number; readonly feature: number; readonly value: number }[]
}

function columnMeans({ names, features }: Columns): ColumnMeans {
  const sums = features.map(() => ({ sum: 0, count: 0 }))
  const gaps: { readonly example: number; readonly feature: number }[] = []
  return {
    add(values, example) {
      for (const [feature, value] of values.entries()) {
        const column = sums[feature]
        if (Number.isNaN(value)) gaps.push({ example, feature })
        else if (column) {
          column.sum += value
          column.count++
        }
      }
    },
    fillings: (file) =>
      gaps.map(({ example, feature }) => {
        const { sum, count } = sums[feature] ?? { sum: 0, count: 0 }
        if (count > 0) return { example, feature, value: sum / count }
        const column = columnName(names, features[feature] ?? 0)
        const advice = 'leave the column out of features, or fill in a number'
        throw dataError('DATA_CSV', { file, line: 2, column, reason: 'every value of the column is missing', advice })
      }),
  }
}

function columnsOf(names: readonly string[], file: string, { label, features }: CsvSettings): Columns {
  const indexOf = (column: string | number) => {
    if (typeof column === 'number') {
      if (names[column] !== undefined) return column
      const advice = `it has the columns 0 to ${names.length - 1}`
      throw dataError('DATA_CSV_COLUMN', { file, found: 'no column', column, advice })
    }
    const places = [...names.keys()].filter((index) => names[index] === column)
    const [place] = places
    if (place !== undefined && places.length === 1) return place
    const isThere = place !== undefined
    const found = isThere ? `${places.length} columns` : 'no column'
    const unnamed = names.every((name) => numberIn(name, '.') !== undefined)
      ? '; if that is no header, give header: false'
      : ''
    const advice = isThere ? `give its number: ${places.join(' or ')}` : `it has ${listed(names)}${unnamed}`
    throw dataError('DATA_CSV_COLUMN', { file, found, column: `'${column}'`, advice })
  }
  const labelAt = indexOf(label)
  return {
    names,
    label: labelAt,
    features: features?.map(indexOf) ?? [...names.keys()].filter((index) => index !== labelAt),
  }
}

/** A column's name, followed by its number if several columns have the name. */
function columnName(names: readonly string[], index: number): string | number {
  const name = names[index] ?? ''
  if (name === '') return index
  return names.indexOf(name) === names.lastIndexOf(name) ? name : `${name} (${index})`
}

function listed(names: readonly string[]): string {
  const more = names.length - 20
  return `${names.slice(0, 20).join(', ')}${more > 0 ? `, and ${more} more` : ''}`
}

/**
 * Parses decimal digits with point and exponent. Refuses other texts that Number() accepts, such as an empty one, or
 * 0x10.
 */
function numberIn(text: string, decimal: '.' | ','): number | undefined {
  const digits = decimal === '.' ? text : text.replace(/[.,]/g, (sign) => (sign === ',' ? '.' : ','))
  if (!/^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i.test(digits)) return undefined
  const value = Number(digits)
  return Number.isFinite(Math.fround(value)) ? value : undefined
}

function checkChoices(missing: unknown, decimal: unknown): void {
  if (
    !['refuse', 'drop', 'mean'].includes(String(missing)) &&
    !(typeof missing === 'number' && Number.isFinite(missing))
  ) {
    const expected = "'refuse', 'drop', 'mean', or a finite number"
    throw dataError('DATA_SETTING', { name: 'missing', came: String(missing), expected })
  }
  if (decimal !== '.' && decimal !== ',')
    throw dataError('DATA_SETTING', { name: 'decimal', came: String(decimal), expected: "'.' or ','" })
}
