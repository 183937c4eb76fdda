import { Validator } from '@seriousme/openapi-schema-validator'
import test from 'ava'
import { schemaBounds } from '../sdk/tag/schema-model.ts'
import { apiStage } from '../test/support/api-stage.ts'
import { openApi } from './openapi.ts'
import { withZeroValues } from './openapi-zero-values.ts'
import { operations } from './operations/operations.ts'

/** Every value under a key, at any depth. */
function* valuesOf(key: string, within: unknown): Generator<unknown> {
  if (typeof within !== 'object' || within === null) return
  for (const [name, value] of Object.entries(within)) {
    if (name === key) yield value
    yield* valuesOf(key, value)
  }
}

test('all 42 operations of the interface are there, and each operation once', (t) => {
  t.is(operations.filter(({ isAddition }) => !isAddition).length, 42)
  t.is(new Set(operations.map(({ id }) => id)).size, operations.length)
  t.is(new Set(operations.map(({ method, path }) => `${method} ${path}`)).size, operations.length)
})

test('the description that is served is valid OpenAPI', async (t) => {
  await using api = await apiStage('memory')
  const { body } = await api.call('GET', '/openapi.json')
  t.deepEqual(await new Validator().validate(Object(body)), { valid: true })
  t.false((await new Validator().validate({ ...Object(body), paths: { users: {} } })).valid)
})

test('what a schema says of an unset field is what is taken for one', (t) => {
  const taken = { type: 'string', minLength: 1 }
  const schema = { type: 'object', required: ['a'], properties: { a: taken, b: taken, c: { type: 'boolean' } } }
  t.deepEqual(withZeroValues({ type: 'array', items: schema }), {
    type: 'array',
    items: {
      ...schema,
      properties: {
        a: taken,
        b: { anyOf: [taken, { enum: ['', null] }] },
        c: { anyOf: [{ type: 'boolean' }, { type: 'null' }] },
      },
    },
  })
})

test('the description that is served names each operation, and each reference in it leads somewhere', async (t) => {
  await using api = await apiStage('memory')
  const { body } = await api.call('GET', '/openapi.json')
  const { openapi, components } = openApi(operations)
  t.is(openapi, '3.1.0')
  t.deepEqual(body, JSON.parse(JSON.stringify(openApi(operations))))
  const ids = operations.map(({ id }) => id)
  const described = Object.values(Object(body).paths).flatMap((methods) => Object.values(Object(methods)))
  t.deepEqual(described.map((one) => Object(one).operationId).toSorted(), ids.toSorted())
  t.deepEqual([...new Set(valuesOf('operationId', body))].toSorted(), ids.toSorted(), 'links lead to operations')
  const schemas = Object.keys(Object(components).schemas)
  const references = new Set(valuesOf('$ref', body))
  t.true(references.size > 10)
  for (const reference of references)
    t.true(schemas.includes(String(reference).replace('#/components/schemas/', '')), String(reference))
})

test('the description says how much a body may hold', (t) => {
  const { schemas } = Object(openApi(operations).components)
  const { properties } = schemas.DesignSchema
  t.is(schemas.DesignSchema['x-maxValues'], schemaBounds.values)
  t.deepEqual([properties.roles.maxItems, properties.channels.maxItems], [schemaBounds.roles, schemaBounds.channels])
  t.is(schemas.DatasetInfo.properties.url.maxLength, 4096)
  const [{ properties: ofModel }] = schemas.JobSpec.properties.modelSpec.anyOf
  t.is(ofModel.hyperparameters.anyOf[0]['x-maxBytes'], 65_536)
})

test('the description says where it is served, and with what each operation may be refused', (t) => {
  const described = openApi(operations, { authenticated: true })
  t.like(described, { servers: [{ url: '/' }] })
  const statusesOf = (path: string, method: string) =>
    Object.keys(Object(Object(described.paths)[path])[method].responses)
      .map(Number)
      .filter((status) => status >= 400)
  t.deepEqual(statusesOf('/users/{user}/designs', 'get'), [400, 401, 403, 429])
  t.deepEqual(statusesOf('/users/{user}/designs', 'post'), [400, 401, 403, 409, 413, 415, 422, 429])
  t.deepEqual(statusesOf('/users/{user}/jobs/{jobId}', 'delete'), [400, 401, 403, 404, 409, 412, 422, 429])
  t.deepEqual(statusesOf('/users/{user}/designs/{designId}/code', 'get'), [400, 401, 403, 404, 416, 429])
})
