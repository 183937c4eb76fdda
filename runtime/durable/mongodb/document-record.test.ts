import test from 'ava'
import fc from 'fast-check'
import { copyFields } from '../store-rules.ts'
import { BSON } from './bundled-driver.ts'
import { collectionName, fieldName, fromBson, givenName, toBson, topFieldName } from './document-record.ts'

const name = fc.string({
  unit: fc.oneof(fc.constantFrom('.', '$', '%', '_', '\0', '2', 'E', 'é'), fc.string({ maxLength: 1 })),
})

test('a plain name of a collection stays as it is, and different names are different collections, apart from the store’s own', (t) => {
  for (const plain of ['jobs', 'task_states', 'Datasets-2']) t.is(collectionName(plain), plain)
  fc.assert(
    fc.property(name, name, (a, b) => {
      if (a !== b) t.not(collectionName(a), collectionName(b))
      t.regex(collectionName(a), /^[\w%-]*$/)
    }),
    { numRuns: 500 },
  )
  const long = 'é'.repeat(250)
  t.true(collectionName(long).length <= 180)
  t.not(collectionName(long), collectionName(`${long.slice(1)}e`))
})

test('any name of a field is given back, and holds nothing that means something to MongoDB', (t) => {
  fc.assert(
    fc.property(name, (given) => {
      for (const field of [fieldName(given), topFieldName(given)]) {
        t.is(givenName(field), given)
        t.true(field.length > 0 && !/[.$\0]/.test(field))
      }
      t.false(topFieldName(given).startsWith('_'))
    }),
    { numRuns: 500 },
  )
})

test('fields are given back as they were, at any depth', (t) => {
  const fields = fc.dictionary(
    name.filter((text) => text !== '__proto__'),
    fc.jsonValue(),
    { noNullPrototype: true },
  )
  fc.assert(
    fc.property(fields, (given) => {
      const kept = copyFields(JSON.parse(JSON.stringify(given).replaceAll('__proto__', 'proto')))
      t.deepEqual(fromBson({ _id: 'id', _version: 1, ...toBson(kept) }), kept)
    }),
  )
})

test('the driver takes no object for a value of its own', (t) => {
  for (const type of ['ObjectId', 'ObjectID', 'Double', 'Nope']) {
    const given = { settings: { _bsontype: type, id: 'x' }, _bsontype: type }
    t.deepEqual(fromBson(BSON.deserialize(BSON.serialize(toBson(given)))), given)
  }
})
