import test from 'ava'
import type { HttpServerProcess } from '../../../test/support/http-server-process.ts'
import { mlflowServer, mlflowUser } from '../../../test/support/mlflow-server.ts'
import { fetchSend } from '../http/answer.ts'
import { largeModel, modelOf } from '../registry.contract.ts'
import { mlflowAddress } from './mlflow-address.ts'
import type { MlflowClientSettings } from './mlflow-client.ts'
import { mlflowRegistry } from './mlflow-registry.ts'

let server: HttpServerProcess
test.before(async () => {
  server = await mlflowServer({ asksForUser: true })
})
test.after.always(() => server?.[Symbol.asyncDispose]())

const { username: name, password } = mlflowUser
const opened = (url: string, settings: MlflowClientSettings = {}) =>
  mlflowRegistry(mlflowAddress(`mlflow:${url}`, { name, password }), { pausesMs: [], ...settings })

test.serial(
  'a user is known by the settings, or by the address; another one is refused, and no error names a secret',
  async (t) => {
    const model = await modelOf(1, { job: 'pairs-7' })
    const named = server.url.replace('//', `//${name}:${encodeURIComponent(password)}@`)
    await mlflowRegistry(mlflowAddress(`mlflow:${named}`)).commit(model)
    const { location } = await opened(server.url).describe('pairs-7', 1)
    t.is(location, `mlflow:${server.url} model pairs-7 version 1`)
    for (const user of [
      { name, password: 'another-secret' },
      { name: 'nobody', password: 'another-secret' },
      {},
      { token: 'another-secret' },
    ]) {
      const registry = mlflowRegistry(mlflowAddress(`mlflow:${server.url}`, user))
      for (const call of [
        () => registry.commit(model),
        () => registry.list('pairs-7'),
        () => registry.load('pairs-7', 1),
      ]) {
        const error = await t.throwsAsync(call(), { code: 'REGISTRY_CREDENTIALS' })
        for (const secret of [password, 'another-secret', btoa(`${name}:${password}`), 'Basic', 'Bearer'])
          t.false(`${error?.message} ${error?.stack} ${JSON.stringify(error)}`.includes(secret))
      }
    }
  },
)

test.serial(
  'a server that is killed while it receives a round, and started again, has the rounds before, and then this one',
  async (t) => {
    const whole = opened(server.url)
    await whole.commit(await modelOf(1))
    const model = await largeModel(8_000_000, 2)
    for (const killedAt of ['weights.bin', 'runs/log-batch', 'model-versions/create']) {
      const killing: typeof fetch = async (input, init) => {
        const answer = fetch(input, init)
        if (!String(input).includes(killedAt)) return answer
        const [answered] = await Promise.allSettled([answer, server.kill()])
        if (answered.status === 'rejected') throw answered.reason
        return answered.value
      }
      const committed = opened(server.url, { send: fetchSend(killing) }).commit(model)
      await t.throwsAsync(committed, { code: 'REGISTRY_LOST' }, killedAt)
      await t.throwsAsync(whole.list('pairs-1'), { code: 'REGISTRY_LOST' })
      await server.start()
      t.is((await whole.load('pairs-1', 1)).hash, (await modelOf(1)).hash)
      const found = await whole.list('pairs-1')
      if (found.length === 2) t.is((await whole.load('pairs-1', 2)).hash, model.hash)
      else t.deepEqual(found, [1])
    }
    await whole.commit(model)
    t.deepEqual(await whole.list('pairs-1'), [1, 2])
    t.is((await whole.load('pairs-1', 2)).hash, model.hash)
  },
)

test('on a full disk, of which MLflow says only that it failed, the rounds before stay, and the round is kept once there is room', async (t) => {
  await using small = await mlflowServer({ diskMiB: 16 })
  const registry = opened(small.url)
  const [first, second] = [await largeModel(3_000_000, 1), await largeModel(5_000_000, 2)]
  await registry.commit(first)
  await t.throwsAsync(registry.commit(second), { code: 'REGISTRY_LOST', message: /status 500/ })
  t.deepEqual(await registry.list('pairs-1'), [1])
  t.is((await registry.load('pairs-1', 1)).hash, first.hash)
  await registry.remove('pairs-1', 1)
  await registry.commit(second)
  t.is((await registry.load('pairs-1', 2)).hash, second.hash)
})
