import test from 'ava'
import { apiStage } from '../test/support/api-stage.ts'
import { openApi } from './openapi.ts'
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

test('the description that is served names each operation, and each reference in it leads somewhere', async (t) => {
  await using api = await apiStage('memory')
  const { body } = await api.call('GET', '/openapi.json')
  const { openapi, components } = openApi(operations)
  t.is(openapi, '3.1.0')
  t.deepEqual(body, JSON.parse(JSON.stringify(openApi(operations))))
  t.deepEqual([...valuesOf('operationId', body)].toSorted(), operations.map(({ id }) => id).toSorted())
  const schemas = Object.keys(Object(components).schemas)
  const references = new Set(valuesOf('$ref', body))
  t.true(references.size > 10)
  for (const reference of references)
    t.true(schemas.includes(String(reference).replace('#/components/schemas/', '')), String(reference))
})
