import { sizeOf } from '../../weights/layout.ts'
import { type Collector, type CollectorSettings, collector } from '../collector.ts'
import { counted, dataError } from '../errors.ts'
import { type Column, checkIndex, type Examples } from '../examples.ts'
import { type CsvRowSettings, quotesAdvice, shown } from './csv-rows.ts'
import { formatError } from './errors.ts'

export interface CsvSettings extends Partial<Omit<CollectorSettings, 'nonFinite'>>, CsvRowSettings {
  /**
   * The column of labels: a name of the header, or a number from 0. May be absent where there is an `id`, for a party
   * whose labels another party has: all labels then read as 0. So they do with `false`, for examples without labels.
   */
  readonly label?: string | number | false
  /**
   * The columns of the targets, where a model answers with more than one number: labels that are 0 or 1, or values. They are
   * no features, and a text is its number among the categories. `targetShape` is [number of columns] by default. There may be
   * a label beside them, by which partitions deal the examples.
   */
  readonly targets?: readonly (string | number)[]
  /** The column of texts that name the examples' entities, as all parties of a vertical job name them. */
  readonly id?: string | number
  /** Whether the first row names the columns. Default true. */
  readonly header?: boolean
  /** The columns of features, in order. Default: all but the label, the targets and the id. */
  readonly features?: readonly (string | number)[]
  /** The label texts of class 0, 1, …. Absent: labels are numbers. */
  readonly classes?: readonly string[]
  /**
   * The texts of columns that hold no numbers, by column. As a feature such a column becomes one value for each text: 1
   * for the text of the row, 0 for the others. A text that isn't listed is refused.
   */
  readonly categories?: Readonly<Record<string, readonly string[]>>
  /** Columns that the examples keep beside their features, by name. A text becomes its number among the categories. */
  readonly columns?: readonly string[]
  /** The decimal mark of numbers. Default `.`. */
  readonly decimal?: '.' | ','
  /** The text's encoding, as `TextDecoder` names it. Default `utf-8`. UTF-16 is recognized by its byte order mark. */
  readonly encoding?: string
  /**
   * The treatment of a missing value (an empty field, NA, N/A, #N/A, NaN, null, None or ?): `refuse` refuses the file
   * (the default), `drop` drops the row, `mean` fills in the mean of the column's other values, a number fills in this
   * number. A missing text is a missing value in each of its features. A row without a label, a target, an id, or a value of
   * `columns`, is dropped with `drop`, and refused otherwise.
   */
  readonly missing?: 'refuse' | 'drop' | 'mean' | number
}

interface Columns {
  readonly names: readonly string[]
  readonly label: number | undefined
  readonly id: number | undefined
  readonly targets: readonly number[]
  readonly features: readonly FeatureColumn[]
  /** By index of the column. */
  readonly categories: ReadonlyMap<number, readonly string[]>
  readonly kept: readonly { readonly name: string; readonly column: number; readonly values: number[] }[]
}

/** A column of numbers is one feature. Otherwise each text is one: 1 for rows with this text in the column, else 0. */
interface FeatureColumn {
  readonly column: number
  readonly texts: readonly string[] | undefined
}

/** Most characters of an id, since ids are kept besides the bytes that bound a file. */
const longestId = 200

const missingValues = new Set(['', 'na', 'n/a', '#n/a', 'nan', 'null', 'none', '?'])

/** Takes the rows of a csv file one by one, header first. @throws DATA_SETTING, DATA_DIVISOR */
export function csvTable(file: string, settings: CsvSettings) {
  const { header = true, classes, decimal = '.', missing = 'refuse' } = settings
  checkChoices(missing, decimal)
  const targetShape = targetShapeOf(settings)
  if (settings.label === undefined && settings.id === undefined && !targetShape) {
    const expected = 'a column, unless there are targets or an id'
    throw dataError('DATA_SETTING', { name: 'label', came: 'undefined', expected })
  }
  const classOf = classes && new Map(classes.map((name, index) => [name, index]))
  const filling = missing === 'mean' ? Number.NaN : typeof missing === 'number' ? missing : undefined
  const isMissing = (field: string) => missingValues.has(field.toLowerCase())
  let columns: Columns | undefined
  let examples: Collector | undefined
  let means: ColumnMeans | undefined
  let count = 0
  const ids: string[] = []

  function add(fields: readonly string[], line: number): void {
    const row = fields.map((field) => field.trim())
    if (!columns || !examples) {
      columns = columnsOf(header ? row : row.map((_, index) => String(index)), file, settings)
      const shape = settings.shape ?? [columnsOfFeatures(columns).length]
      examples = collector({ ...settings, shape, ...(targetShape && { targetShape }), nonFinite: 'keep' }, file)
      means = columnMeans(columns)
      if (header) return
    }
    const { names, label, id, targets, features, categories, kept } = columns
    const fault = (index: number, reason: string, advice: string) =>
      formatError('DATA_CSV', { file, line, column: columnName(names, index), reason, advice })
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
    /** The number of a column's text among its categories. */
    const category = (index: number, texts: readonly string[]) => {
      const text = row[index] ?? ''
      const at = texts.indexOf(text)
      if (at >= 0) return at
      if (isMissing(text)) throw fault(index, `the value is missing${text && ` (${shown(text)})`}`, missingAdvice)
      const advice = 'correct the field, or the categories'
      throw fault(index, `${shown(text)} is none of the categories ${listed(texts)}`, advice)
    }
    const isGap = (index: number) => isMissing(row[index] ?? '') && !categories.get(index)?.includes(row[index] ?? '')
    const hasGap = () => targets.some(isGap) || [...features, ...kept].some(({ column }) => isGap(column))
    const isUnnamed = id !== undefined && isMissing(row[id] ?? '')
    const isUnlabelled = label !== undefined && isGap(label) && !classOf?.has(row[label] ?? '')
    if (missing === 'drop' && (isUnlabelled || isUnnamed || hasGap())) return
    const given = label === undefined ? undefined : classOf ? classOf.get(row[label] ?? '') : number(label)
    if (label !== undefined && given === undefined) {
      const known = listed(classes ?? [])
      throw fault(
        label,
        `${shown(row[label] ?? '')} is none of the classes ${known}`,
        'correct the label, or the classes',
      )
    }
    const name = id === undefined ? '' : (row[id] ?? '')
    if (id !== undefined && name.length > longestId)
      throw fault(id, `the id has ${name.length} characters, more than ${longestId}`, 'name entities by shorter ids')
    if (isUnnamed) throw fault(id, 'the id is missing', "correct the field, or set missing to 'drop' such rows")
    const valueOf = (index: number) => {
      const texts = categories.get(index)
      return texts ? category(index, texts) : number(index)
    }
    const values: number[] = []
    for (const { column, texts } of features) {
      const isFilled = filling !== undefined && isGap(column)
      const value = isFilled ? filling : valueOf(column)
      if (!texts) values.push(value)
      else for (const text of texts) values.push(isFilled ? value : Number(row[column] === text))
    }
    const target = targetShape && targets.map(valueOf)
    const beside = kept.map(({ column }) => valueOf(column))
    if (missing === 'mean') means?.add(values, count)
    examples.add(values, given ?? (targetShape ? undefined : 0), target)
    if (id !== undefined) ids.push(name)
    for (const [index, value] of beside.entries()) kept[index]?.values.push(value)
    count++
  }
  return {
    add,
    examples(): Examples {
      if (!examples) {
        const reason = `the file is empty: expected a ${header ? 'header' : 'row'}`
        throw formatError('DATA_CSV', { file, line: 1, column: 0, reason, advice: 'give a file with rows' })
      }
      for (const { example, feature, value } of means?.fillings(file) ?? []) examples.replace(example, feature, value)
      const collected = examples.examples()
      const kept = (columns?.kept ?? []).map(({ name, values }): readonly [string, Column] => [
        name,
        (index) => {
          checkIndex(index, count)
          return values[index] ?? 0
        },
      ])
      return {
        ...collected,
        ...(columns?.label === undefined && { unlabelled: true }),
        ...(kept.length > 0 && { columns: Object.fromEntries(kept) }),
        ...(columns?.id !== undefined && {
          id(index) {
            checkIndex(index, count)
            return ids[index] ?? ''
          },
        }),
      }
    },
  }
}

const missingAdvice = "correct the field, or set missing to 'drop' such rows, or to fill in the 'mean' or a number"
const numberAdvice =
  'correct the field, leave the column out of features, or list its texts: in classes for a label, else in categories'

interface ColumnMeans {
  /** Takes an example's features, where NaN marks a missing feature. */
  add(values: readonly number[], example: number): void
  /** The means to fill in, with example and feature. @throws DATA_CSV for a column without a value. */
  fillings(file: string): { readonly example: number; readonly feature: number; readonly value: number }[]
}

function columnMeans(columns: Columns): ColumnMeans {
  const columnOf = columnsOfFeatures(columns)
  const sums = columnOf.map(() => ({ sum: 0, count: 0 }))
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
        const column = columnName(columns.names, columnOf[feature] ?? 0)
        const advice = 'leave the column out of features, or fill in a number'
        throw formatError('DATA_CSV', { file, line: 2, column, reason: 'every value of the column is missing', advice })
      }),
  }
}

function columnsOf(names: readonly string[], file: string, settings: CsvSettings): Columns {
  const { label, id, targets = [], features, categories: texts = {}, columns: kept = [] } = settings
  const indexOf = (column: string | number) => {
    if (typeof column === 'number') {
      if (names[column] !== undefined) return column
      const advice = `it has the columns 0 to ${names.length - 1}`
      throw formatError('DATA_CSV_COLUMN', { file, found: 'no column', column, advice })
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
    throw formatError('DATA_CSV_COLUMN', { file, found, column: `'${column}'`, advice })
  }
  const [labelAt, idAt] = [label, id].map((column) =>
    column === undefined || column === false ? undefined : indexOf(column),
  )
  const categories = new Map(Object.entries(texts).map(([column, each]) => [indexOf(column), each]))
  const targetsAt = targets.map(indexOf)
  const others = new Set([labelAt, idAt, ...targetsAt])
  const chosen = features?.map(indexOf) ?? [...names.keys()].filter((index) => !others.has(index))
  return {
    names,
    label: labelAt,
    id: idAt,
    targets: targetsAt,
    features: chosen.flatMap((column) => {
      const texts = categories.get(column)
      return texts?.length === 0 ? [] : [{ column, texts }]
    }),
    categories,
    kept: kept.map((name) => ({ name, column: indexOf(name), values: [] })),
  }
}

/** For each feature its column. */
function columnsOfFeatures({ features }: Columns): readonly number[] {
  return features.flatMap(({ column, texts }) => texts?.map(() => column) ?? [column])
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

/** The shape of the targets. Undefined without targets. @throws DATA_SETTING for another number of columns than the shape's. */
function targetShapeOf({ targets, targetShape = targets && [targets.length] }: CsvSettings) {
  const refused = (name: string, came: string, expected: string) => dataError('DATA_SETTING', { name, came, expected })
  if (targets?.length === 0) throw refused('targets', 'empty', 'one column or more, or absent')
  if (targetShape && sizeOf(targetShape) !== (targets?.length ?? 0)) {
    const columns = counted(targets?.length ?? 0, 'column')
    throw refused(
      'targetShape',
      `[${targetShape}]`,
      `a shape of as many values as there are targets, which are ${columns}`,
    )
  }
  return targetShape
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
