import { connect } from 'node:net'
import test from 'ava'
import { planeStage } from '../../test/support/plane-stage.ts'

test('more requests at once than the server takes are told to come again, and health is not', async (t) => {
  await using plane = await planeStage({ limits: { requests: 1 } })
  const { url } = plane
  const { port, host } = new URL(url)
  const slow = connect(Number(port), '127.0.0.1')
  // A body that doesn't end keeps its request under way.
  slow.write(
    `POST /users/u/designs HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{`,
  )
  const busy = async () => (await fetch(`${url}/users/u/designs`)).status
  for (let look = 0; look < 1000 && (await busy()) !== 429; look++);
  const refused = await fetch(`${url}/users/u/designs`, { headers: { accept: 'application/problem+json' } })
  t.is(refused.headers.get('retry-after'), '1')
  t.like(await refused.json(), { status: 429, code: 'API_TOO_MANY' })
  t.is((await fetch(`${url}/readyz`)).status, 200)
  slow.destroy()
  let status = 429
  for (let look = 0; look < 1000 && status === 429; look++) status = await busy()
  t.is(status, 200)
})
