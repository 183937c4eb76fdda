import test from 'ava'
import { hierarchical, twoTier } from '../../sdk/index.ts'
import { designSchema } from './catalogue.ts'
import { decodeModel } from './decode.ts'

const decode = (value: unknown) => decodeModel(designSchema, value, 'schema')

test('a schema that was written as JSON decodes to itself', (t) => {
  for (const { schema } of [twoTier({ clients: 3 }), hierarchical({ clients: 4 })])
    t.deepEqual(decode(JSON.parse(JSON.stringify(schema))), schema)
})

test('zero values of existing clients mean absent, at any depth', (t) => {
  const sent = {
    name: 'pair',
    description: '',
    revision: 0,
    connectors: null,
    roles: [
      { name: 'boss', description: '', isDataConsumer: false, replica: 0, groupAssociation: null },
      { name: 'leaf', isDataConsumer: true, groupAssociation: [{ up: 'default' }] },
    ],
    channels: [
      {
        name: 'up',
        pair: ['boss', 'leaf'],
        description: '',
        groupBy: { type: '', value: null },
        funcTags: { boss: ['distribute'] },
        backend: '',
        brokerHost: '',
        isUnidirectional: false,
      },
    ],
  }
  t.deepEqual(decode(sent), {
    name: 'pair',
    roles: [
      { name: 'boss', isDataConsumer: false },
      { name: 'leaf', isDataConsumer: true, groupAssociation: [{ up: 'default' }] },
    ],
    channels: [{ name: 'up', pair: ['boss', 'leaf'], funcTags: { boss: ['distribute'] }, isUnidirectional: false }],
  })
})

test('everything malformed is named with its place, at once', (t) => {
  const error = t.throws(
    () =>
      decode({
        roles: [{ name: 'a', replica: 1.5 }, { isDataConsumer: 'yes' }],
        channels: [{ name: 'c', pair: 'a', groupBy: { type: 'region', value: ['north', ''] } }],
      }),
    { code: 'MODEL_INVALID' },
  )
  const places = Object(error).values.faults.map(({ place }: { place: string }) => place)
  t.deepEqual(places.toSorted(), [
    'channels.0.groupBy.type',
    'channels.0.groupBy.value.1',
    'channels.0.pair',
    'name',
    'roles.0.replica',
    'roles.1.isDataConsumer',
    'roles.1.name',
  ])
})

test('what is no object, or has neither roles nor channels, is refused', (t) => {
  for (const value of [undefined, null, 'schema', [], {}, { name: 's', roles: [], channels: [] }])
    t.throws(() => decode(value), { code: 'MODEL_INVALID' })
})
