import test from 'ava'
import * as fc from 'fast-check'
import { codeOf, cut, flipped } from '../../../test/support/damage.ts'
import type { Examples } from '../examples.ts'
import { decodeCsv } from './csv.ts'

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
  for (const value of ['', 'x', '0x10', 'NaN', 'Infinity', '1e39', '1,5']) {
    refuses(`x,y\n1,2\n"${value}",3\n`, `line 3, column x: '${value}' is no number that float32 can hold`)
  }
  refuses('x,y\n1,cat\n', "line 2, column y: 'cat' is no number that float32 can hold")
  refuses('x,y\n1,bird\n', "line 2, column y: 'bird' is none of the classes cat, dog", { classes: ['cat', 'dog'] })
})

test('rows of another length and quotes that are not in order are refused with their line', (t) => {
  const refuses = (text: string, message: string) => {
    const error = t.throws(() => decodeCsv(text, 'a.csv', { label: 'y' }), { code: 'DATA_CSV' }, text)
    t.is(error?.message, `data file a.csv, ${message}`)
  }
  refuses('x,y\n1,2\n3\n', 'line 3, column x: the row has 1 fields, not 2')
  refuses('x,y\n1,2\n3,4,5\n', 'line 3, column y: the row has 3 fields, not 2')
  refuses('x,y\n1,"2\n', 'line 2, column 1: quoted field unterminated')
  refuses('x,y\n1,2\n"3"4,5\n', 'line 3, column 0: trailing quote on quoted field is malformed')
  refuses('', 'line 1, column 0: there is nothing, not even a header')
})

test('lines are counted through blank ones and breaks in quotes, whatever ends them', (t) => {
  for (const end of ['\n', '\r\n', '\r']) {
    const text = ['note,x,y', `"a${end}${end}b",1,2`, '', 'c,3,4', 'd,?,5'].join(end)
    t.throws(() => decodeCsv(text, 'a.csv', { label: 'y', features: ['x'] }), {
      message: "data file a.csv, line 7, column x: '?' is no number that float32 can hold",
    })
  }
})

test('a column that is not there, or is there twice, is refused', (t) => {
  for (const settings of [{ label: 'z' }, { label: 9 }, { label: 'x' }, { label: 'y', features: ['x'] }]) {
    t.throws(() => decodeCsv('x,y,x\n1,2,3', 'a.csv', settings), { code: 'DATA_CSV_COLUMN' })
  }
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
    return code === undefined || /^DATA_(CSV|CSV_COLUMN|STREAM_ROW)$/.test(code)
  }
  fc.assert(fc.property(cut(whole), fine))
  fc.assert(fc.property(flipped(whole), fine), { numRuns: 1_000 })
  t.pass()
})
