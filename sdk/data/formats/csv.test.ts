import test from 'ava'
import * as fc from 'fast-check'
import type { CodedError } from '../../../runtime/index.ts'
import { codeOf, cut, flipped } from '../../../test/support/damage.ts'
import type { Examples } from '../examples.ts'
import { decodeCsv } from './csv.ts'
import { csvText } from './csv-rows.ts'

function rowsOf(examples: Examples): number[][] {
  const size = examples.shape.reduce((product, length) => product * length, 1)
  return Array.from({ length: examples.count }, (_, index) => {
    const out = new Float32Array(size)
    examples.read(index, out, 0)
    return [...out, examples.label(index)]
  })
}

test('a column is the label, and the others are the features', (t) => {
  const text = '\ufeffwidth,"kind of, it",height\r\n1.5,2,-3e2\r\n\r\n"4",0,.5\r\n'
  const examples = decodeCsv(text, 'a.csv', { label: 'kind of, it' })
  t.deepEqual(examples.shape, [2])
  t.deepEqual(rowsOf(examples), [
    [1.5, -300, 2],
    [4, 0.5, 0],
  ])
})

test('a column of texts names the entities, and is no feature; a party may have no labels, or no features', (t) => {
  const idsOf = ({ count, id }: Examples) => Array.from({ length: count }, (_, index) => id?.(index))
  const text = 'patient,age,ill\np-7,3,1\n"p, 8",4,0\n'
  const labelled = decodeCsv(text, 'a.csv', { label: 'ill', id: 'patient' })
  t.deepEqual(rowsOf(labelled), [
    [3, 1],
    [4, 0],
  ])
  t.deepEqual(idsOf(labelled), ['p-7', 'p, 8'])
  t.throws(() => labelled.id?.(2), { code: 'DATA_INDEX' })
  t.deepEqual(rowsOf(decodeCsv(text, 'a.csv', { id: 'patient' })), [
    [3, 1, 0],
    [4, 0, 0],
  ])
  t.deepEqual(decodeCsv('p,ill\na,1', 'a.csv', { id: 'p', label: 'ill' }).shape, [0])
  t.is(decodeCsv(text, 'a.csv', { label: 'ill', features: ['age'] }).id, undefined)
  t.is(
    codeOf(() => decodeCsv(text, 'a.csv', {})),
    'DATA_SETTING',
  )
  t.is(
    codeOf(() => decodeCsv(text, 'a.csv', { id: 'name' })),
    'DATA_CSV_COLUMN',
  )
  t.is(
    codeOf(() => decodeCsv(`p,a\n${'x'.repeat(201)},1`, 'a.csv', { id: 'p' })),
    'DATA_CSV',
  )
  const gap = 'p,a\n,1\nb,2'
  t.is(
    codeOf(() => decodeCsv(gap, 'a.csv', { id: 'p' })),
    'DATA_CSV',
  )
  t.deepEqual(idsOf(decodeCsv(gap, 'a.csv', { id: 'p', missing: 'drop' })), ['b'])
})

test('columns, classes, shape, divisor and delimiter can be chosen, with a header or without', (t) => {
  const named = { label: 'class', features: ['b', 'a'], classes: ['cat', 'dog'], shape: [1, 2], divisor: 255 }
  const examples = decodeCsv('a;b;class;more\n51;255;dog;x\n0;102; cat;y', 'a.csv', { ...named, delimiter: ';' })
  t.deepEqual(examples.shape, [1, 2])
  t.deepEqual(rowsOf(examples), [
    [1, Math.fround(0.2), 1],
    [Math.fround(0.4), 0, 0],
  ])
  t.deepEqual(rowsOf(decodeCsv('7,1,2\n8,3,4', 'a.csv', { header: false, label: 0 })), [
    [1, 2, 7],
    [3, 4, 8],
  ])
})

test('what is written as csv is read again, quoted or not', (t) => {
  const number = fc.float({ noNaN: true, noDefaultInfinity: true })
  const table = fc
    .integer({ min: 1, max: 5 })
    .chain((width) => fc.array(fc.array(number, { minLength: width, maxLength: width }), { minLength: 1 }))
  fc.assert(
    fc.property(table, fc.constantFrom('\n', '\r\n'), fc.constantFrom('', '"'), (table, end, quote) => {
      const text = table.map((row) => row.map((value) => `${quote}${value}${quote}`).join(',')).join(end)
      const rows = rowsOf(decodeCsv(text, 'a.csv', { header: false, label: 0 }))
      t.deepEqual(
        rows.map((row) => [row.at(-1), ...row.slice(0, -1)]),
        table.map((row) => row.map((value) => value + 0)),
      )
    }),
  )
})

test('a bad value is refused with its line and column', (t) => {
  const refuses = (text: string, message: string, settings = {}) => {
    const error = t.throws(() => decodeCsv(text, 'a.csv', { label: 'y', ...settings }), { code: 'DATA_CSV' }, text)
    t.is(error?.message, `data file a.csv, ${message}`)
  }
  for (const value of ['x', '0x10', 'Infinity', '1e39', '1,5,6']) {
    refuses(`x,y\n1,2\n"${value}",3\n`, `line 3, column x: '${value}' is no number that float32 can hold`)
  }
  refuses(
    `x,y\n1,2\n${'x'.repeat(900)},3\n`,
    `line 3, column x: '${'x'.repeat(40)}…' is no number that float32 can hold`,
  )
  refuses('x,x,y\n1,2,3\n1,z,3\n', "line 3, column x (1): 'z' is no number that float32 can hold")
  refuses('x,y\n1,cat\n', "line 2, column y: 'cat' is no number that float32 can hold")
  refuses('x,y\n1,bird\n', "line 2, column y: 'bird' is none of the classes cat, dog", { classes: ['cat', 'dog'] })
})

test('a column of texts becomes a feature for each text, and columns are kept beside the features', (t) => {
  const text = 'age,pain,ward,sick\n50, none ,B,no\n60,?,A,yes\n70,sharp,A,no\n'
  const settings = {
    label: 'sick',
    classes: ['no', 'yes'],
    features: ['pain', 'age'],
    categories: { pain: ['none', 'sharp'], ward: ['A', 'B'] },
    columns: ['ward', 'age'],
  }
  const read = (missing: 'drop' | 'mean' | number) => decodeCsv(text, 'a.csv', { ...settings, missing })
  const dropped = read('drop')
  t.deepEqual(dropped.shape, [3])
  t.deepEqual(rowsOf(dropped), [
    [1, 0, 50, 0],
    [0, 1, 70, 0],
  ])
  t.deepEqual(
    [0, 1].map((index) => [dropped.columns?.ward?.(index), dropped.columns?.age?.(index)]),
    [
      [1, 50],
      [0, 70],
    ],
  )
  t.throws(() => dropped.columns?.ward?.(2), { code: 'DATA_INDEX' })
  t.deepEqual(rowsOf(read(0))[1], [0, 0, 60, 1], 'a missing text is none of the texts')
  t.deepEqual(rowsOf(read('mean'))[1], [0.5, 0.5, 60, 1])
  const refuses = (more: object, message: RegExp, code = 'DATA_CSV') =>
    t.throws(() => decodeCsv(text, 'a.csv', { ...settings, ...more }), { code, message })
  refuses({}, /line 3, column pain: the value is missing \('\?'\)/)
  refuses(
    { categories: { pain: ['none'], ward: ['A', 'B'] }, missing: 0 },
    /line 4, .*'sharp' is none of the categories none/,
  )
  refuses({ columns: ['pain'], missing: 0 }, /line 3, column pain: the value is missing/)
  refuses({ columns: ['street'] }, /no column 'street'/, 'DATA_CSV_COLUMN')
  refuses({ categories: { pian: [] } }, /no column 'pian'/, 'DATA_CSV_COLUMN')
  const named = decodeCsv(text, 'a.csv', {
    ...settings,
    categories: { ...settings.categories, pain: ['?', 'none', 'sharp'] },
  })
  t.deepEqual(rowsOf(named)[1], [1, 0, 0, 60, 1], 'a text may be called so')
})

test('rows of another length and quotes that are not in order are refused with their line', (t) => {
  const refuses = (text: string, message: string) => {
    const error = t.throws(() => decodeCsv(text, 'a.csv', { label: 'y' }), { code: 'DATA_CSV' }, text)
    t.is(error?.message, `data file a.csv, ${message}`)
  }
  refuses('x,y\n1,2\n3\n', 'line 3, column x: the row has 1 field, not 2')
  refuses('x,y\n1,2\n3,4,5\n', 'line 3, column y: the row has 3 fields, not 2')
  refuses('x,y\n1,"2\n', 'line 2, column 1: quoted field unterminated')
  refuses('x,y\n1,2\n"3"4,5\n', 'line 3, column 0: trailing quote on quoted field is malformed')
  refuses('', 'line 1, column 0: the file is empty: expected a header')
})

test('lines are counted through blank ones and breaks in quotes, whatever ends them', (t) => {
  for (const end of ['\n', '\r\n', '\r']) {
    const text = ['note,x,y', `"a${end}${end}b",1,2`, '', 'c,3,4', 'd,!,5'].join(end)
    t.throws(() => decodeCsv(text, 'a.csv', { label: 'y', features: ['x'] }), {
      message: "data file a.csv, line 7, column x: '!' is no number that float32 can hold",
    })
  }
})

test('a column that is not there, or is there twice, is refused', (t) => {
  for (const settings of [{ label: 'z' }, { label: 9 }, { label: 'x' }, { label: 'y', features: ['x'] }]) {
    t.throws(() => decodeCsv('x,y,x\n1,2,3', 'a.csv', settings), { code: 'DATA_CSV_COLUMN' })
  }
})

test('a column that is not there is named, with those that there are', (t) => {
  const faultOf = (label: string | number, text: string) => {
    const error = t.throws<CodedError>(() => decodeCsv(text, 'a.csv', { label }), { code: 'DATA_CSV_COLUMN' })
    return `${error?.message}; ${error?.hint}`
  }
  t.regex(faultOf('z', 'x,y\n1,2'), /^data file a.csv has no column 'z'; it has x, y;/)
  t.regex(faultOf('x', 'x,y,x\n1,2,3'), /^data file a.csv has 2 columns 'x'; give its number: 0 or 2;/)
  t.regex(faultOf('y', '1,2\n3,4'), /give header: false/)
  t.regex(faultOf(5, 'x,y\n1,2'), /no column 5; it has the columns 0 to 1;/)
})

test('missing values are refused with their place, or dropped, or filled in', (t) => {
  for (const gap of ['', ' ', 'NA', 'NaN', 'null', '?']) {
    const text = `a,b,y\n1,2,0\n${gap},4,1\n3,8,0\n`
    const error = t.throws(() => decodeCsv(text, 'a.csv', { label: 'y' }), { code: 'DATA_CSV' })
    t.regex(error?.message ?? '', /line 3, column a: the value is missing/)
    const read = (missing: 'drop' | 'mean' | number) => rowsOf(decodeCsv(text, 'a.csv', { label: 'y', missing }))
    t.deepEqual(read('drop').slice(1), [[3, 8, 0]])
    t.deepEqual(read('mean')[1], [2, 4, 1])
    t.deepEqual(read(-1)[1], [-1, 4, 1])
  }
  const none = 'a,y\nNA,0\nNA,1\n'
  t.throws(() => decodeCsv(none, 'a.csv', { label: 'y', missing: 'mean' }), { message: /every value .* missing/ })
  const label = 'a,y\n1,NA\n2,1\n'
  t.deepEqual(rowsOf(decodeCsv(label, 'a.csv', { label: 'y', missing: 'drop' })), [[2, 1]])
  t.throws(() => decodeCsv(label, 'a.csv', { label: 'y', missing: 'mean' }), { message: /line 2, column y/ })
  const classes = ['1', 'NA']
  t.is(decodeCsv(label, 'a.csv', { label: 'y', missing: 'drop', classes }).count, 2, 'a class may be called so')
  t.throws(() => decodeCsv(label, 'a.csv', { label: 'y', missing: Number.NaN }), { code: 'DATA_SETTING' })
})

test('many means are put where their values were missing', (t) => {
  const rows = Array.from({ length: 200_000 }, (_, index) => (index % 3 === 0 ? 'NA,5,0' : `${index % 3},5,0`))
  const examples = decodeCsv(`a,b,y\n${rows.join('\n')}`, 'a.csv', { label: 'y', missing: 'mean' })
  const out = new Float32Array(2)
  for (let index = 0; index < examples.count; index++) {
    examples.read(index, out, 0)
    if (out[0] !== (index % 3 || Math.fround(1.5)) && Math.abs((out[0] ?? 0) - 1.5) > 1e-4) t.fail(`${index}: ${out}`)
    if (out[1] !== 5) t.fail(`${index}: ${out}`)
  }
  t.pass()
})

test('another delimiter and decimal commas are named with the setting that reads them', (t) => {
  for (const [delimiter, words] of [
    [';', '2 semicolons'],
    ['\t', '2 tabs'],
    ['|', '2 vertical bars'],
  ] as const) {
    for (const quote of ['', '"']) {
      const text = `${quote}a${quote}${delimiter}b${delimiter}y\n"1,5"${delimiter}2${delimiter}0\n`
      const error = t.throws<CodedError>(() => decodeCsv(text, 'a.csv', { label: 'y' }), { code: 'DATA_CSV' })
      t.regex(error?.message ?? '', new RegExp(`the first line has no comma, but ${words}`))
      t.true(error?.hint.startsWith(`give delimiter: ${JSON.stringify(delimiter)}`))
      const comma = t.throws<CodedError>(() => decodeCsv(text, 'a.csv', { label: 'y', delimiter }))
      t.is(comma?.message, "data file a.csv, line 2, column a: '1,5' has a decimal comma")
      t.is(comma?.hint, "give decimal: ','")
      t.deepEqual(rowsOf(decodeCsv(text, 'a.csv', { label: 'y', delimiter, decimal: ',' })), [[1.5, 2, 0]])
    }
  }
  t.deepEqual(rowsOf(decodeCsv('sep=;\na;y\n1;2\n', 'a.csv', { label: 'y', delimiter: ';' })), [[1, 2]])
  for (const delimiter of ['', '\n', '"']) {
    t.throws(() => decodeCsv('a,y\n1,2', 'a.csv', { label: 'y', delimiter }), { code: 'DATA_SETTING' })
  }
})

test('lines may end differently in one file', (t) => {
  const examples = decodeCsv('a,y\r\n1,0\n2,1\r3,0\r\n\n4,1', 'a.csv', { label: 'y' })
  t.deepEqual(rowsOf(examples), [
    [1, 0],
    [2, 1],
    [3, 0],
    [4, 1],
  ])
})

test('text of another encoding is refused with its line, or read as it', (t) => {
  const label = { label: 'y', classes: ['Öl', 'Tee'] }
  const latin = Uint8Array.from('a,y\n1,Tee\n2,\xd6l\n', (character) => character.charCodeAt(0))
  const error = t.throws(() => decodeCsv(latin, 'a.csv', label), { code: 'DATA_TEXT' })
  t.is(error?.message, 'data file a.csv, line 3: the text is not utf-8')
  t.deepEqual(rowsOf(decodeCsv(latin, 'a.csv', { ...label, encoding: 'windows-1252' })), [
    [1, 1],
    [2, 0],
  ])
  const utf16 = new Uint8Array(Uint16Array.from('\ufeffa,y\n2,Öl\n', (character) => character.charCodeAt(0)).buffer)
  t.deepEqual(rowsOf(decodeCsv(utf16, 'a.csv', label)), [[2, 0]])
  t.throws(() => decodeCsv(latin, 'a.csv', { ...label, encoding: 'klingon' }), { code: 'DATA_SETTING' })
})

test('text in pieces is the text, wherever they are cut', (t) => {
  const whole = '\ufeff"Größe",日本語\r\n1,"ä\r\n😀"\r2,é\n\r\n'
  const bytes = new TextEncoder().encode(whole)
  const expected = whole.slice(1).replace(/\r\n?/g, '\n')
  const cuts = fc.array(fc.nat(bytes.length), { maxLength: 30 }).map((places) => places.toSorted((a, b) => a - b))
  fc.assert(
    fc.property(cuts, (places) => {
      const { add, end } = csvText('a.csv')
      const pieces = [0, ...places].map((from, index) => bytes.subarray(from, places[index] ?? bytes.length))
      t.is(pieces.map(add).join('') + end(), expected)
    }),
  )
  fc.assert(
    fc.property(fc.nat(bytes.length - 4), fc.nat(3), (place, at) => {
      const damaged = bytes.slice()
      damaged[place + at] = 0xff
      const { add, end } = csvText('a.csv')
      t.throws(() => [add(damaged.subarray(0, place + 1)), add(damaged.subarray(place + 1)), end()], {
        code: 'DATA_TEXT',
      })
    }),
  )
})

test('more than the bound is refused with the first example that does not fit', (t) => {
  const text = `x,y\n${'1,2\n'.repeat(100)}`
  t.is(decodeCsv(text, 'a.csv', { label: 'y', maxBytes: 1_200 }).count, 100)
  t.throws(() => decodeCsv(text, 'a.csv', { label: 'y', maxBytes: 1_199 }), {
    code: 'DATA_STREAM_BOUND',
    message: /example 99/,
  })
})

test('a damaged file is refused with a code, or read', (t) => {
  const whole = new TextEncoder().encode('a,b,y\n1,2,0\n"3.5",-4,1\n5e3,6,0\n')
  const fine = (bytes: Uint8Array) => {
    const code = codeOf(() => decodeCsv(bytes, 'a.csv', { label: 'y' }))
    return code === undefined || /^DATA_(CSV|CSV_COLUMN|STREAM_ROW|TEXT)$/.test(code)
  }
  fc.assert(fc.property(cut(whole), fine))
  fc.assert(fc.property(flipped(whole), fine), { numRuns: 1_000 })
  t.pass()
})

test('several columns are the targets, and no features, with a label or an id beside them or without', (t) => {
  const text = 'id,age,mood,pain,ward\np,3,0.5,yes,1\nq,4,-1,no,0\n'
  const settings = { targets: ['mood', 'pain'], categories: { pain: ['no', 'yes'] } }
  const targetsOf = ({ count, targets }: Examples) =>
    Array.from({ length: count }, (_, index) => {
      const out = new Float32Array(2)
      targets?.read(index, out, 0)
      return [...out]
    })
  const alone = decodeCsv(text, 'a.csv', { ...settings, features: ['age'] })
  t.deepEqual(targetsOf(alone), [
    [0.5, 1],
    [-1, 0],
  ])
  t.deepEqual(alone.targets?.shape, [2])
  t.deepEqual(rowsOf(alone), [
    [3, 0.5],
    [4, -1],
  ])
  t.true(alone.unlabelled)
  const labelled = decodeCsv(text, 'a.csv', { ...settings, id: 'id', label: 'ward', targetShape: [1, 2] })
  t.deepEqual(labelled.targets?.shape, [1, 2])
  t.deepEqual(rowsOf(labelled), [
    [3, 1],
    [4, 0],
  ])
  t.falsy(labelled.unlabelled)
})

test('targets that are missing, unknown or of another number than their shape are refused with their place', (t) => {
  const decode = (settings: object, text = 'a,b,c\n1,2,3\n') => decodeCsv(text, 'a.csv', settings)
  const gap = 'a,b,c\n1,,3\n1,5,6\n'
  t.throws(() => decode({ targets: ['b', 'c'] }, gap), { code: 'DATA_CSV', message: /line 2, column b: .*missing/ })
  t.throws(() => decode({ targets: ['b', 'c'], missing: 0 }, gap), { code: 'DATA_CSV' })
  t.is(decode({ targets: ['b', 'c'], missing: 'drop' }, gap).count, 1)
  t.throws(() => decode({ targets: ['b', 'd'] }), { code: 'DATA_CSV_COLUMN' })
  t.throws(() => decode({ targets: [] }), { code: 'DATA_SETTING', message: /targets must be one column or more/ })
  t.throws(() => decode({ targets: ['b', 'c'], targetShape: [3] }), { code: 'DATA_SETTING', message: /are 2 columns/ })
})
