import test from 'ava'
import fc from 'fast-check'
import { apiStage, codeForm } from '../test/support/api-stage.ts'
import { operations } from './operations/operations.ts'

/** JSON that looks a little like what is expected: names of fields that some model has. */
const names = fc.constantFrom(
  ...[
    'id',
    'name',
    'userId',
    'designId',
    'backend',
    'roles',
    'channels',
    'pair',
    'url',
    'realm',
    'dataFormat',
    'state',
  ],
  ...['modelSpec', 'dataSpec', 'computeId', 'apiKey', 'region', 'adminId', 'groupBy', '__proto__', 'constructor'],
)
const { body } = fc.letrec((tie) => ({
  body: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom('a', '', 'mqtt', 'default', 'default/x', 0, 1, -1, null, true, '\ud800', 'ready'),
    fc.string({ unit: 'binary' }),
    fc.array(tie('body'), { maxLength: 3 }),
    fc.dictionary(names, tie('body'), { maxKeys: 6 }),
  ),
}))

/** What a fault is in the words of the library that finds it. */
const zodsWords = /Invalid (input|option|string|key|element|discriminator)|Too (small|big):|Unrecognized|, received /

for (const { id, method, path, body: expected } of operations.filter(({ body }) => body))
  test(`${id} answers any body with its own success or a problem below 500`, async (t) => {
    await using api = await apiStage('memory')
    await api.call('POST', '/users/a/designs', { id: 'a' })
    const address = path.replace(/\{\w+\}/g, 'a')
    const property = fc.asyncProperty(body, async (given) => {
      const sent = expected?.type === 'form' ? codeForm(new TextEncoder().encode(JSON.stringify(given))) : given
      const heard = await api.call(method.toUpperCase(), address, sent ?? 'null', { 'x-api-key': 'a' })
      const problem: { status?: number; code?: string } = Object(heard.body)
      t.true(heard.status < 300 || (heard.status < 500 && problem.status === heard.status))
      t.notRegex(JSON.stringify(heard.body) ?? '', zodsWords)
    })
    await fc.assert(property, { numRuns: 100 })
    t.deepEqual(api.faults, [])
  })
