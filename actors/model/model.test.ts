import test from 'ava'
import fc from 'fast-check'
import { z } from 'zod'
import { operations } from '../../api/index.ts'
import { modelSpecFaults } from './algorithms.ts'
import { unwrapped } from './bounds.ts'
import { datasetInfo, deploymentStatus, designInfo, designSchema } from './catalogue.ts'
import { decodeModel, decodeWhole, knownPart, withoutZeroValues } from './decode.ts'
import { jobSpec } from './job.ts'

const job = { designId: 'mnist', backend: 'mqtt' }
const faultsOf = (model: z.ZodType, value: unknown): unknown => {
  try {
    decodeModel(model, value)
    return []
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && 'values' in cause)) throw cause
    const { faults } = z
      .object({ faults: z.array(z.object({ code: z.string(), place: z.string() })) })
      .parse(cause.values)
    return [cause.code, ...faults.map(({ code, place }) => `${code} ${place}`)]
  }
}

const refusals: readonly [string, z.ZodType, unknown, readonly string[]][] = [
  ['a missing field', jobSpec, { backend: 'ws' }, ['MODEL_INVALID', 'FIELD_REQUIRED designId']],
  ['a zero value of a required field', designInfo, { id: '' }, ['MODEL_INVALID', 'FIELD_REQUIRED id']],
  ['an unknown field', jobSpec, { ...job, extra: 1 }, ['MODEL_UNKNOWN_FIELD', 'FIELD_UNKNOWN extra']],
  ['an unknown field that holds zero', designInfo, { id: 'a', x: 0 }, ['MODEL_UNKNOWN_FIELD', 'FIELD_UNKNOWN x']],
  [
    'an unknown field within, beside others',
    jobSpec,
    { backend: 'carrier', modelSpec: { optimizer: { sort: 'fedavg', kwarg: {} } } },
    [
      'MODEL_UNKNOWN_FIELD',
      'FIELD_REQUIRED designId',
      'FIELD_INVALID backend',
      'FIELD_UNKNOWN modelSpec.optimizer.kwarg',
    ],
  ],
  [
    'a zero of another type',
    designInfo,
    { id: 'a', name: {}, userId: 0 },
    ['MODEL_INVALID', 'FIELD_INVALID name', 'FIELD_INVALID userId'],
  ],
  ['a value of another type', jobSpec, { ...job, maxRunTime: '9' }, ['MODEL_INVALID', 'FIELD_INVALID maxRunTime']],
  ['an id that cannot stand in an address', designInfo, { id: 'a/b' }, ['MODEL_INVALID', 'FIELD_INVALID id']],
  ['a list instead of an object', designInfo, [], ['MODEL_INVALID', 'FIELD_INVALID ']],
  ['nothing at all', designInfo, undefined, ['MODEL_INVALID', 'FIELD_REQUIRED ']],
  [
    'a role without name',
    designSchema,
    { name: 's', roles: [{ name: 'a' }, {}], channels: [{ name: 'c', pair: ['a', 'b'] }] },
    ['MODEL_INVALID', 'FIELD_REQUIRED roles.1.name'],
  ],
]
for (const [title, model, value, expected] of refusals)
  test(`${title} is refused with its place`, (t) => t.deepEqual(faultsOf(model, value), expected))

test('what Go clients send for unset fields means absent, at any depth that the model names', (t) => {
  const sent = {
    id: '',
    name: '',
    userId: '',
    ...job,
    schemaRevision: 0,
    priority: '',
    maxRunTime: 0,
    dataSpec: null,
    modelSpec: { baseModel: { name: '', version: 0 }, optimizer: { sort: '', kwargs: null }, dependencies: null },
  }
  t.deepEqual(decodeModel(jobSpec, sent), { designId: 'mnist', backend: 'mqtt' })
  const set = z.strictObject({ at: z.string().exactOptional(), flag: z.boolean().exactOptional() })
  t.deepEqual(decodeModel(set, { at: '0001-01-01T00:00:00Z', flag: false }), { flag: false })
})

test("a channel's grouping that was never set is absent", (t) => {
  const roles = [{ name: 'a' }, { name: 'b' }]
  const channel = { name: 'c', pair: ['a', 'b'] }
  const given = { name: 's', roles, channels: [{ ...channel, groupBy: { type: '', value: null } }] }
  t.deepEqual(decodeModel(designSchema, given), decodeModel(designSchema, { name: 's', roles, channels: [channel] }))
})

test('a zero in a map or in a list is a value', (t) => {
  const hyperparameters = { weightDecay: 0, note: '', deep: {} }
  t.deepEqual(decodeModel(jobSpec, { ...job, modelSpec: { hyperparameters } }).modelSpec, { hyperparameters })
  t.deepEqual(decodeModel(z.array(z.string()), ['', 'a']), ['', 'a'])
})

test('taking zero values away twice takes no more away', (t) => {
  const value = fc.record(
    {
      id: fc.constantFrom('', 'x', 0, null),
      name: fc.constantFrom('', 'n', {}),
      modelSpec: fc.record({
        optimizer: fc.record({ sort: fc.constantFrom('', 'fedavg'), kwargs: fc.constantFrom(null, {}, { k: 0 }) }),
      }),
    },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(value, (given) => {
      const once = withoutZeroValues(jobSpec, given)
      t.deepEqual(withoutZeroValues(jobSpec, once), once)
    }),
  )
})

const settings: readonly [string, Parameters<typeof modelSpecFaults>[0], readonly string[]][] = [
  ['no settings', undefined, []],
  ['the default selector', { selector: { sort: 'default' } }, []],
  ['the server optimizers', { optimizer: { sort: 'fedadam', kwargs: { beta_1: 0.9, tau: 0.001 } } }, []],
  ['hyperparameters of the role', { hyperparameters: { rounds: 3, own: { a: [1] } } }, []],
  ['an unknown optimizer', { optimizer: { sort: 'adam' } }, ['ALGORITHM_UNKNOWN modelSpec.optimizer.sort']],
  ['a name that every object has', { selector: { sort: 'toString' } }, ['ALGORITHM_UNKNOWN modelSpec.selector.sort']],
  [
    'an unknown and an impossible setting',
    { optimizer: { sort: 'fedadam', kwargs: { beta_1: 1, beta: 1 } } },
    ['FIELD_INVALID modelSpec.optimizer.kwargs.beta_1', 'FIELD_UNKNOWN modelSpec.optimizer.kwargs.beta'],
  ],
  ['a missing setting', { selector: { sort: 'random' } }, ['FIELD_REQUIRED modelSpec.selector.kwargs.k']],
  [
    'hyperparameters out of range',
    { hyperparameters: { rounds: 0, learningRate: 'x', arithmetic: 'exact' } },
    [
      'FIELD_INVALID modelSpec.hyperparameters.rounds',
      'FIELD_INVALID modelSpec.hyperparameters.learningRate',
      'FIELD_INVALID modelSpec.hyperparameters.arithmetic',
    ],
  ],
]
for (const [title, spec, expected] of settings)
  test(`of a model's settings: ${title}`, (t) =>
    t.deepEqual(
      modelSpecFaults(spec).listed.map(({ code, place }) => `${code} ${place}`),
      expected,
    ))

test('any number of unknown fields is found', (t) => {
  const extra = Object.fromEntries(Array.from({ length: 200_000 }, (_, index) => [`x${index}`, 1]))
  const { unknown } = knownPart(jobSpec, { ...job, modelSpec: extra })
  t.is(unknown.length, 200_000)
  t.is(unknown.at(-1), 'modelSpec.x199999')
})

const oversized: readonly [string, z.ZodType, unknown, string][] = [
  [
    'a list of half a million roles that are none',
    designSchema,
    { name: 'n', roles: Array.from({ length: 500_000 }, () => 1), channels: [] },
    'roles: expected a list of at most 1000, got a list of 500000',
  ],
  [
    'more channels than anybody draws',
    designSchema,
    { name: 'n', roles: [], channels: Array.from({ length: 1001 }, (_, n) => ({ name: `c${n}`, pair: ['a', 'b'] })) },
    'channels: expected a list of at most 1000, got a list of 1001',
  ],
  [
    'small lists that are much together',
    designSchema,
    {
      name: 'n',
      roles: [],
      channels: Array.from({ length: 100 }, () => ({
        groupBy: { type: 'tag', value: Array.from({ length: 3000 }, () => 'g') },
      })),
    },
    '(whole): expected at most 100000 values altogether, got more',
  ],
  [
    'an association with more channels than a schema has',
    designSchema,
    {
      name: 'n',
      roles: [{ groupAssociation: [Object.fromEntries(Array.from({ length: 1001 }, (_, n) => [n, 'g']))] }],
    },
    'roles.0.groupAssociation.0: expected an object with at most 1000 fields, got one with 1001',
  ],
  [
    'many hyperparameters',
    jobSpec,
    { ...job, modelSpec: { hyperparameters: { x: Array.from({ length: 10_000 }, () => []) } } },
    'modelSpec: expected at most 10000 values altogether, got more',
  ],
  [
    'large hyperparameters',
    jobSpec,
    { ...job, modelSpec: { hyperparameters: { x: 'ä'.repeat(33_000) } } },
    'modelSpec.hyperparameters: expected at most 65536 bytes of JSON, got more',
  ],
  [
    'large settings of an algorithm',
    jobSpec,
    { ...job, modelSpec: { selector: { sort: 'random', kwargs: { x: 'x'.repeat(70_000) } } } },
    'modelSpec.selector.kwargs: expected at most 65536 bytes of JSON, got more',
  ],
  [
    'a URL of a megabyte',
    datasetInfo,
    { url: 'x'.repeat(1_000_000), dataFormat: 'csv', realm: 'default' },
    'url: expected a text of at most 4096 characters, got one of 1000000',
  ],
  [
    'a group of a long name',
    jobSpec,
    { ...job, dataSpec: [{ role: 'r', datasetGroups: { default: ['x'.repeat(5000)] } }] },
    'dataSpec.0.datasetGroups.default.0: expected a text of at most 4096 characters, got one of 5000',
  ],
]
for (const [title, model, value, message] of oversized)
  test(`${title} is refused for its size`, (t) => {
    const error = t.throws(() => decodeModel(model, value), { code: 'MODEL_INVALID' })
    t.is(error?.message, `the body is invalid:\n  ${message}`)
  })

const manyFaults: readonly [string, z.ZodType, unknown, string][] = [
  [
    'datasets that are none',
    jobSpec,
    { ...job, dataSpec: [{ role: 'r', datasetGroups: { default: Array.from({ length: 1_500_000 }, () => 1) } }] },
    'and at least 900 more',
  ],
  [
    'statuses that are none',
    deploymentStatus,
    Object.fromEntries(Array.from({ length: 200_000 }, (_, n) => [n, 'x'])),
    'and at least 900 more',
  ],
  [
    'unknown fields',
    jobSpec,
    { ...job, ...Object.fromEntries(Array.from({ length: 200_000 }, (_, n) => [`x${n}`, 1])) },
    'and 199900 more',
  ],
  [
    'channels without fields',
    designSchema,
    { name: 'n', roles: [], channels: Array.from({ length: 900 }, () => ({})) },
    'and 1701 more',
  ],
]
for (const [title, model, value, rest] of manyFaults)
  test(`of very many ${title}, a hundred are listed and as many told as were looked for`, (t) => {
    const error = t.throws(() => decodeModel(model, value))
    const lines = String(error?.message).split('\n')
    t.deepEqual([lines.length, lines.at(-1)], [102, `  ${rest}`])
    t.true(String(error?.message).length < 20_000)
  })

test('what a server answers is read however much it is', (t) => {
  const channels = Array.from({ length: 5000 }, (_, n) => ({ name: `c${n}`, pair: ['a', 'b'] }))
  const schema = { name: 'n', roles: [{ name: 'a' }], channels }
  t.deepEqual(decodeWhole(designSchema, schema, 'answer'), schema)
})

test('every list of things with fields in a body has a bound', (t) => {
  const bounded = (model: z.core.$ZodType): boolean => {
    const inner = unwrapped(model)
    if (inner instanceof z.ZodObject) return Object.values(inner.shape).every((field) => bounded(field))
    if (inner instanceof z.ZodRecord) return bounded(inner.valueType)
    if (!(inner instanceof z.ZodArray)) return true
    const isOfFields = unwrapped(inner.element) instanceof z.ZodObject
    return (!isOfFields || z.globalRegistry.get(inner)?.maxItems !== undefined) && bounded(inner.element)
  }
  for (const { id, body } of operations) if (body) t.true(bounded(body.model), id)
})

const misfits: readonly [string, unknown, string][] = [
  ['another type', { ...job, name: 1 }, 'name: expected a text, got 1'],
  ['a list for an object', [], '(whole): expected an object, got an empty list'],
  ['no body', undefined, '(whole): it is required, and nothing came'],
  [
    'a value of none that there are',
    { ...job, priority: 'huge' },
    'priority: expected one of "low", "medium", "high", got "huge"',
  ],
]
for (const [title, value, message] of misfits)
  test(`a body with ${title} is told what was expected and what came`, (t) => {
    const error = t.throws(() => decodeModel(jobSpec, value))
    t.true(error?.message.includes(`  ${message}`), error?.message)
  })

test('an object in the place of a text is refused, whatever it says of its length', (t) => {
  const length = { length: { toString: 1 } }
  const channel = { name: 'a', pair: ['a', 'b'] }
  const schemas = [
    { name: length, roles: [{ name: 'a' }], channels: [channel] },
    { name: 'a', roles: [{ name: 'a' }], channels: [{ ...channel, pair: [length] }] },
    { name: 'a', roles: [{ name: 'a', groupAssociation: [{ a: [[length], 'x'] }] }], channels: [channel] },
  ]
  for (const schema of schemas) t.throws(() => decodeModel(designSchema, schema), { code: 'MODEL_INVALID' })
})
