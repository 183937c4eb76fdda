import { operations } from '../../api/index.ts'
import { withKey } from './fixtures.ts'
import type { DeclareTest, OpenStage } from './stage.ts'

const bodied = operations.filter(({ body }) => body?.type === 'json')

export function bodyConformance(test: DeclareTest, open: OpenStage): void {
  test('bodies: each operation refuses what is malformed, unknown, missing or too large, by a JSON string', async (t) => {
    await using stage = await open()
    for (const { id, method, path } of bodied) {
      const at = path.replaceAll(/\{\w+\}/g, 'a')
      const hear = async (body: unknown) => {
        const { status, body: said } = await stage.call(method.toUpperCase(), at, { ...withKey, body })
        t.is(typeof said, 'string', `${id} answers with a string`)
        return status
      }
      t.is(await hear('{"id":'), 400, `${id}: no JSON`)
      t.is(await hear(`{"id":"${'x'.repeat(4 * 1024 * 1024)}"}`), 413, `${id}: too large`)
      // The statuses of a deployment are a map by task id, so any name is allowed.
      t.is(await hear({ colour: 'red' }), id === 'putDeploymentStatus' ? 422 : 400, `${id}: an unknown field`)
      t.is(await hear([]), 422, `${id}: a list`)
    }
  })

  test('addresses: what cannot be a name is 400, what is nowhere 404, another method 405', async (t) => {
    await using stage = await open()
    const { call } = stage
    t.is((await call('GET', '/users/a%20b/designs')).status, 400)
    t.is((await call('GET', '/nowhere')).status, 404)
    t.is((await call('PATCH', '/users/u/designs')).status, 405)
    for (const list of ['/users/u/designs', '/users/u/datasets', '/datasets', '/users/u/jobs'])
      t.is((await call('GET', `${list}/?limit=many`)).status, 400, list)
  })
}
