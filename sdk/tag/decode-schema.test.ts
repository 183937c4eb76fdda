import test from 'ava'
import { decodeSchema } from './decode-schema.ts'
import { hierarchical, twoTier } from './topologies.ts'

test('a schema that was written as JSON decodes to itself', (t) => {
  for (const { schema } of [twoTier({ clients: 3 }), hierarchical({ clients: 4 })])
    t.deepEqual(decodeSchema(JSON.parse(JSON.stringify(schema))), schema)
})

test('zero values of existing clients mean absent, at any depth', (t) => {
  const sent = {
    name: 'pair',
    description: '',
    revision: 0,
    connectors: null,
    roles: [
      { name: 'boss', description: '', isDataConsumer: false, replica: 0, groupAssociation: null },
      { name: 'leaf', isDataConsumer: true, groupAssociation: [] },
    ],
    channels: [
      {
        name: 'up',
        pair: ['boss', 'leaf'],
        description: '',
        groupBy: { type: '', value: null },
        funcTags: { boss: ['distribute'], leaf: null },
        backend: '',
        brokerHost: '',
        isUnidirectional: false,
      },
    ],
  }
  t.deepEqual(decodeSchema(sent), {
    name: 'pair',
    roles: [
      { name: 'boss', isDataConsumer: false },
      { name: 'leaf', isDataConsumer: true },
    ],
    channels: [{ name: 'up', pair: ['boss', 'leaf'], funcTags: { boss: ['distribute'] }, isUnidirectional: false }],
  })
})

test('a channel grouped by a tag without values has no group of its own', (t) => {
  const channels = [{ name: 'up', pair: ['a', 'b'], groupBy: { type: 'tag', value: null } }]
  t.deepEqual(decodeSchema({ name: 's', roles: [{ name: 'a' }], channels }).channels[0]?.groupBy, {
    type: 'tag',
    value: [],
  })
})

test('everything malformed is named with its place, at once', (t) => {
  const error = t.throws(
    () =>
      decodeSchema({
        surprise: 1,
        roles: [
          { name: 'a', replica: 1.5 },
          { isDataConsumer: 'yes', colour: 'red' },
        ],
        channels: [{ name: 'c', pair: 'a', groupBy: { type: 'region', value: ['north', ''] } }],
      }),
    { code: 'TAG_MALFORMED' },
  )
  const places = Object(error).values.faults.map(({ place }: { place: string }) => place)
  t.deepEqual(places.toSorted(), [
    '(whole)',
    'channels.0.groupBy.type',
    'channels.0.groupBy.value.1',
    'channels.0.pair',
    'name',
    'roles.0.replica',
    'roles.1',
    'roles.1.isDataConsumer',
    'roles.1.name',
  ])
  t.regex(String(error), /channels\.0\.groupBy\.type/)
})

test('what is no object, or has neither roles nor channels, is refused', (t) => {
  for (const value of [undefined, null, 'schema', [], {}, { name: 's', roles: [], channels: [] }])
    t.throws(() => decodeSchema(value), { code: 'TAG_MALFORMED' })
})
