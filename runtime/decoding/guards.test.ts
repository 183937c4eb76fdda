import test from 'ava'
import fc from 'fast-check'
import {
  fieldsOf,
  isCount,
  isInteger,
  isMissingOr,
  isNumbers,
  isOneOf,
  isRecord,
  isRecordOf,
  isString,
  isStrings,
  listOf,
} from './guards.ts'

test('a count is a whole number from 0 that a number keeps exactly', (t) => {
  for (const value of [0, 1, Number.MAX_SAFE_INTEGER]) t.true(isCount(value))
  for (const value of [-1, 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY, '1', null]) t.false(isCount(value))
  t.true(isInteger(-1))
})

test('a record passes if each field passes the guard, and an array is no record', (t) => {
  t.true(isRecordOf({ a: 'x', b: '' }, isString))
  t.true(isRecordOf({}, isString))
  t.false(isRecordOf({ a: 'x', b: 1 }, isString))
  for (const value of [['x'], null, undefined, 'x']) t.false(isRecordOf(value, isString))
  t.false(isNumbers([1]))
})

test('a type is accepted from the list alone', (t) => {
  t.true(isOneOf({ type: 'a' }, ['a', 'b']))
  for (const value of [{ type: 'c' }, {}, null, 'a']) t.false(isOneOf(value, ['a', 'b']))
})

test('an absent field passes, and null is not absent', (t) => {
  t.true(isMissingOr(undefined, isString))
  t.true(isMissingOr('', isString))
  t.false(isMissingOr(null, isString))
})

test('an untrusted value of any shape has fields, and those of an array are none', (t) => {
  fc.assert(
    fc.property(fc.anything(), (value) => {
      const isPlain = typeof value === 'object' && value !== null && !Array.isArray(value)
      t.deepEqual(Object.keys(fieldsOf(value)), isPlain ? Object.keys(value) : [])
    }),
  )
})

test('a list is decoded whole, within its bound, or not at all', (t) => {
  const doubled = (item: unknown) => (isCount(item) ? 2 * item : undefined)
  fc.assert(
    fc.property(fc.array(fc.nat(9)), fc.nat(9), fc.nat(9), (items, most, at) => {
      const expected = items.map((item) => 2 * item)
      t.deepEqual(listOf(items, doubled), expected)
      t.deepEqual(listOf(items, doubled, most), items.length > most ? undefined : expected)
      t.is(listOf(items.toSpliced(at, 0, -1), doubled), undefined)
    }),
  )
  for (const value of [{ length: 0 }, 'ab', undefined]) t.is(listOf(value, doubled), undefined)
  t.true(isStrings([]))
})

test('the fields of any object may be read, and those of other values not', (t) => {
  for (const value of [{ a: 1 }, [1], new Map()]) t.true(isRecord(value))
  for (const value of [null, undefined, 1, 'a', () => {}]) t.false(isRecord(value))
})
